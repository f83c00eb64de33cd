// Equal dense layers over halves of an image: each weight is larger than what a layer gives.
func.func @net(%image: tensor<?x28x28xf32>) -> tensor<?x10xf32> {
  %x = of.reshape %image to [0, 2, 392] : (tensor<?x28x28xf32>) -> tensor<?x2x392xf32>
  %w0 = of.parameter "w0" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<392x392xf32>
  %z0 = of.matmul %x, %w0 : (tensor<?x2x392xf32>, tensor<392x392xf32>) -> tensor<?x2x392xf32>
  %h0 = of.relu %z0 : (tensor<?x2x392xf32>) -> tensor<?x2x392xf32>
  %w1 = of.parameter "w1" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<392x392xf32>
  %z1 = of.matmul %h0, %w1 : (tensor<?x2x392xf32>, tensor<392x392xf32>) -> tensor<?x2x392xf32>
  %h1 = of.relu %z1 : (tensor<?x2x392xf32>) -> tensor<?x2x392xf32>
  %w2 = of.parameter "w2" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<392x392xf32>
  %z2 = of.matmul %h1, %w2 : (tensor<?x2x392xf32>, tensor<392x392xf32>) -> tensor<?x2x392xf32>
  %h2 = of.relu %z2 : (tensor<?x2x392xf32>) -> tensor<?x2x392xf32>
  %w3 = of.parameter "w3" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<392x392xf32>
  %z3 = of.matmul %h2, %w3 : (tensor<?x2x392xf32>, tensor<392x392xf32>) -> tensor<?x2x392xf32>
  %h3 = of.relu %z3 : (tensor<?x2x392xf32>) -> tensor<?x2x392xf32>
  %head = of.parameter "head" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<784x10xf32>
  %flat = of.reshape %h3 to [0, 784] : (tensor<?x2x392xf32>) -> tensor<?x784xf32>
  %logits = of.matmul %flat, %head : (tensor<?x784xf32>, tensor<784x10xf32>) -> tensor<?x10xf32>
  return %logits : tensor<?x10xf32>
}
