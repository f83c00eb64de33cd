// Programs without tasks, devices on no mesh and chunks of no bytes are a plan like others.
// RUN: of-compile %s -o %t.plan
// RUN: of-plan verify %t.plan | FileCheck %s
// CHECK: program train: cannot deadlock: {{.*}} over 0 tasks
// RUN: of-run %t.plan --local --data %S --out %t.out --port 24991
module @empty attributes {of.rung = "physical",
  of.cluster = {nodes = [{name = "n0", devices = [{kind = "cpu"}]}, {name = "n1", devices = [{kind = "cpu"}]}]},
  of.job = {model = "m.mlir", data = {train = {samples = 64 : i64, fields = [["x", {files = ["x.npy"], format = "npy"}]]}},
    loss = {output = 0 : i64}, optimizer = {sgd = {lr = 0.1 : f64}}, batch = 8 : i64, steps = 1 : i64}} {
  task.program @train "train" micros 1 {
  }
  of.run @train count 1
}
