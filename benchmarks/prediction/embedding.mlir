// A table of 100,000 rows under two dense layers: samples are the bytes of a text, each a row.
func.func @embedding(%text: tensor<?x64xi32>) -> tensor<?x64x256xf32> {
  %table = of.parameter "embedding.weight" init(#of.init<normal, 0.0, 0.02>) : tensor<100000x128xf32>
  %w1 = of.parameter "fc1.weight" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<128x256xf32>
  %w2 = of.parameter "fc2.weight" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<256x256xf32>
  %e = of.embedding %table, %text : (tensor<100000x128xf32>, tensor<?x64xi32>) -> tensor<?x64x128xf32>
  %z1 = of.matmul %e, %w1 : (tensor<?x64x128xf32>, tensor<128x256xf32>) -> tensor<?x64x256xf32>
  %h1 = of.relu %z1 : (tensor<?x64x256xf32>) -> tensor<?x64x256xf32>
  %z2 = of.matmul %h1, %w2 : (tensor<?x64x256xf32>, tensor<256x256xf32>) -> tensor<?x64x256xf32>
  return %z2 : tensor<?x64x256xf32>
}
