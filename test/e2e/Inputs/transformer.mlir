// Two causal attention layers on bytes of text.
func.func @transformer(%text: tensor<?x16xi64>) -> tensor<?x16x256xf32> {
  %1 = of.parameter "tokens" init(#of.init<normal, 0.0, 0.5>) : tensor<256x32xf32>
  %2 = of.parameter "places" init(#of.init<normal, 0.0, 0.1>) : tensor<16x32xf32>
  %3 = of.embedding %1, %text : (tensor<256x32xf32>, tensor<?x16xi64>) -> tensor<?x16x32xf32>
  %4 = of.add %3, %2 : (tensor<?x16x32xf32>, tensor<16x32xf32>) -> tensor<?x16x32xf32>
  %5 = of.iota 0 : tensor<16x16xi64>
  %6 = of.iota 1 : tensor<16x16xi64>
  %7 = of.compare "ge" %5, %6 : (tensor<16x16xi64>, tensor<16x16xi64>) -> tensor<16x16xi1>
  %8 = of.constant -1.0e+09 : f32 : tensor<f32>
  %9 = of.parameter "layer0.norm1.weight" init(#of.init<constant, 1.0>) : tensor<32xf32>
  %10 = of.parameter "layer0.norm1.bias" init(#of.init<constant, 0.0>) : tensor<32xf32>
  %11 = of.layer_norm %4, %9, %10 : (tensor<?x16x32xf32>, tensor<32xf32>, tensor<32xf32>) -> tensor<?x16x32xf32>
  %12 = of.parameter "layer0.q" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<32x32xf32>
  %13 = of.matmul %11, %12 : (tensor<?x16x32xf32>, tensor<32x32xf32>) -> tensor<?x16x32xf32>
  %14 = of.reshape %13 to [0, 16, 2, 16] : (tensor<?x16x32xf32>) -> tensor<?x16x2x16xf32>
  %15 = of.transpose %14 [0, 2, 1, 3] : (tensor<?x16x2x16xf32>) -> tensor<?x2x16x16xf32>
  %16 = of.parameter "layer0.k" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<32x32xf32>
  %17 = of.matmul %11, %16 : (tensor<?x16x32xf32>, tensor<32x32xf32>) -> tensor<?x16x32xf32>
  %18 = of.reshape %17 to [0, 16, 2, 16] : (tensor<?x16x32xf32>) -> tensor<?x16x2x16xf32>
  %19 = of.transpose %18 [0, 2, 1, 3] : (tensor<?x16x2x16xf32>) -> tensor<?x2x16x16xf32>
  %20 = of.parameter "layer0.v" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<32x32xf32>
  %21 = of.matmul %11, %20 : (tensor<?x16x32xf32>, tensor<32x32xf32>) -> tensor<?x16x32xf32>
  %22 = of.reshape %21 to [0, 16, 2, 16] : (tensor<?x16x32xf32>) -> tensor<?x16x2x16xf32>
  %23 = of.transpose %22 [0, 2, 1, 3] : (tensor<?x16x2x16xf32>) -> tensor<?x2x16x16xf32>
  %24 = of.matmul %15, %19 transpose_rhs : (tensor<?x2x16x16xf32>, tensor<?x2x16x16xf32>) -> tensor<?x2x16x16xf32>
  %25 = of.constant 0.25 : f32 : tensor<f32>
  %26 = of.mul %24, %25 : (tensor<?x2x16x16xf32>, tensor<f32>) -> tensor<?x2x16x16xf32>
  %27 = of.select %7, %26, %8 : (tensor<16x16xi1>, tensor<?x2x16x16xf32>, tensor<f32>) -> tensor<?x2x16x16xf32>
  %28 = of.softmax %27 : (tensor<?x2x16x16xf32>) -> tensor<?x2x16x16xf32>
  %29 = of.matmul %28, %23 : (tensor<?x2x16x16xf32>, tensor<?x2x16x16xf32>) -> tensor<?x2x16x16xf32>
  %30 = of.transpose %29 [0, 2, 1, 3] : (tensor<?x2x16x16xf32>) -> tensor<?x16x2x16xf32>
  %31 = of.reshape %30 to [0, 16, 32] : (tensor<?x16x2x16xf32>) -> tensor<?x16x32xf32>
  %32 = of.parameter "layer0.out" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<32x32xf32>
  %33 = of.matmul %31, %32 : (tensor<?x16x32xf32>, tensor<32x32xf32>) -> tensor<?x16x32xf32>
  %34 = of.add %4, %33 : (tensor<?x16x32xf32>, tensor<?x16x32xf32>) -> tensor<?x16x32xf32>
  %35 = of.parameter "layer0.norm2.weight" init(#of.init<constant, 1.0>) : tensor<32xf32>
  %36 = of.parameter "layer0.norm2.bias" init(#of.init<constant, 0.0>) : tensor<32xf32>
  %37 = of.layer_norm %34, %35, %36 : (tensor<?x16x32xf32>, tensor<32xf32>, tensor<32xf32>) -> tensor<?x16x32xf32>
  %38 = of.parameter "layer0.up.weight" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<32x64xf32>
  %39 = of.matmul %37, %38 : (tensor<?x16x32xf32>, tensor<32x64xf32>) -> tensor<?x16x64xf32>
  %40 = of.parameter "layer0.up.bias" init(#of.init<constant, 0.0>) : tensor<64xf32>
  %41 = of.add %39, %40 : (tensor<?x16x64xf32>, tensor<64xf32>) -> tensor<?x16x64xf32>
  %42 = of.gelu %41 : (tensor<?x16x64xf32>) -> tensor<?x16x64xf32>
  %43 = of.parameter "layer0.down.weight" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<64x32xf32>
  %44 = of.matmul %42, %43 : (tensor<?x16x64xf32>, tensor<64x32xf32>) -> tensor<?x16x32xf32>
  %45 = of.parameter "layer0.down.bias" init(#of.init<constant, 0.0>) : tensor<32xf32>
  %46 = of.add %44, %45 : (tensor<?x16x32xf32>, tensor<32xf32>) -> tensor<?x16x32xf32>
  %47 = of.add %34, %46 : (tensor<?x16x32xf32>, tensor<?x16x32xf32>) -> tensor<?x16x32xf32>
  %48 = of.parameter "layer1.norm1.weight" init(#of.init<constant, 1.0>) : tensor<32xf32>
  %49 = of.parameter "layer1.norm1.bias" init(#of.init<constant, 0.0>) : tensor<32xf32>
  %50 = of.layer_norm %47, %48, %49 : (tensor<?x16x32xf32>, tensor<32xf32>, tensor<32xf32>) -> tensor<?x16x32xf32>
  %51 = of.parameter "layer1.q" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<32x32xf32>
  %52 = of.matmul %50, %51 : (tensor<?x16x32xf32>, tensor<32x32xf32>) -> tensor<?x16x32xf32>
  %53 = of.reshape %52 to [0, 16, 2, 16] : (tensor<?x16x32xf32>) -> tensor<?x16x2x16xf32>
  %54 = of.transpose %53 [0, 2, 1, 3] : (tensor<?x16x2x16xf32>) -> tensor<?x2x16x16xf32>
  %55 = of.parameter "layer1.k" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<32x32xf32>
  %56 = of.matmul %50, %55 : (tensor<?x16x32xf32>, tensor<32x32xf32>) -> tensor<?x16x32xf32>
  %57 = of.reshape %56 to [0, 16, 2, 16] : (tensor<?x16x32xf32>) -> tensor<?x16x2x16xf32>
  %58 = of.transpose %57 [0, 2, 1, 3] : (tensor<?x16x2x16xf32>) -> tensor<?x2x16x16xf32>
  %59 = of.parameter "layer1.v" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<32x32xf32>
  %60 = of.matmul %50, %59 : (tensor<?x16x32xf32>, tensor<32x32xf32>) -> tensor<?x16x32xf32>
  %61 = of.reshape %60 to [0, 16, 2, 16] : (tensor<?x16x32xf32>) -> tensor<?x16x2x16xf32>
  %62 = of.transpose %61 [0, 2, 1, 3] : (tensor<?x16x2x16xf32>) -> tensor<?x2x16x16xf32>
  %63 = of.matmul %54, %58 transpose_rhs : (tensor<?x2x16x16xf32>, tensor<?x2x16x16xf32>) -> tensor<?x2x16x16xf32>
  %64 = of.constant 0.25 : f32 : tensor<f32>
  %65 = of.mul %63, %64 : (tensor<?x2x16x16xf32>, tensor<f32>) -> tensor<?x2x16x16xf32>
  %66 = of.select %7, %65, %8 : (tensor<16x16xi1>, tensor<?x2x16x16xf32>, tensor<f32>) -> tensor<?x2x16x16xf32>
  %67 = of.softmax %66 : (tensor<?x2x16x16xf32>) -> tensor<?x2x16x16xf32>
  %68 = of.matmul %67, %62 : (tensor<?x2x16x16xf32>, tensor<?x2x16x16xf32>) -> tensor<?x2x16x16xf32>
  %69 = of.transpose %68 [0, 2, 1, 3] : (tensor<?x2x16x16xf32>) -> tensor<?x16x2x16xf32>
  %70 = of.reshape %69 to [0, 16, 32] : (tensor<?x16x2x16xf32>) -> tensor<?x16x32xf32>
  %71 = of.parameter "layer1.out" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<32x32xf32>
  %72 = of.matmul %70, %71 : (tensor<?x16x32xf32>, tensor<32x32xf32>) -> tensor<?x16x32xf32>
  %73 = of.add %47, %72 : (tensor<?x16x32xf32>, tensor<?x16x32xf32>) -> tensor<?x16x32xf32>
  %74 = of.parameter "layer1.norm2.weight" init(#of.init<constant, 1.0>) : tensor<32xf32>
  %75 = of.parameter "layer1.norm2.bias" init(#of.init<constant, 0.0>) : tensor<32xf32>
  %76 = of.layer_norm %73, %74, %75 : (tensor<?x16x32xf32>, tensor<32xf32>, tensor<32xf32>) -> tensor<?x16x32xf32>
  %77 = of.parameter "layer1.up.weight" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<32x64xf32>
  %78 = of.matmul %76, %77 : (tensor<?x16x32xf32>, tensor<32x64xf32>) -> tensor<?x16x64xf32>
  %79 = of.parameter "layer1.up.bias" init(#of.init<constant, 0.0>) : tensor<64xf32>
  %80 = of.add %78, %79 : (tensor<?x16x64xf32>, tensor<64xf32>) -> tensor<?x16x64xf32>
  %81 = of.gelu %80 : (tensor<?x16x64xf32>) -> tensor<?x16x64xf32>
  %82 = of.parameter "layer1.down.weight" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<64x32xf32>
  %83 = of.matmul %81, %82 : (tensor<?x16x64xf32>, tensor<64x32xf32>) -> tensor<?x16x32xf32>
  %84 = of.parameter "layer1.down.bias" init(#of.init<constant, 0.0>) : tensor<32xf32>
  %85 = of.add %83, %84 : (tensor<?x16x32xf32>, tensor<32xf32>) -> tensor<?x16x32xf32>
  %86 = of.add %73, %85 : (tensor<?x16x32xf32>, tensor<?x16x32xf32>) -> tensor<?x16x32xf32>
  %87 = of.parameter "norm.weight" init(#of.init<constant, 1.0>) : tensor<32xf32>
  %88 = of.parameter "norm.bias" init(#of.init<constant, 0.0>) : tensor<32xf32>
  %89 = of.layer_norm %86, %87, %88 : (tensor<?x16x32xf32>, tensor<32xf32>, tensor<32xf32>) -> tensor<?x16x32xf32>
  %90 = of.parameter "head" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<32x256xf32>
  %91 = of.matmul %89, %90 : (tensor<?x16x32xf32>, tensor<32x256xf32>) -> tensor<?x16x256xf32>
  return %91 : tensor<?x16x256xf32>
}
