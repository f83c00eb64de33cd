// A decoder of two layers on bytes of text: predicts the next byte of each. Written for one device; `?`
// is the batch.
func.func @transformer(%text: tensor<?x64xi32>) -> tensor<?x64x256xf32> {
  %table = of.parameter "embedding.weight" init(#of.init<normal, 0.0, 0.02>) : tensor<256x64xf32>
  %positions = of.parameter "position.weight" init(#of.init<normal, 0.0, 0.02>) : tensor<64x64xf32>
  %e = of.embedding %table, %text : (tensor<256x64xf32>, tensor<?x64xi32>) -> tensor<?x64x64xf32>
  %x0 = of.add %e, %positions : (tensor<?x64x64xf32>, tensor<64x64xf32>) -> tensor<?x64x64xf32>

  // A byte sees itself and those before it.
  %row = of.iota 0 : tensor<64x64xi64>
  %column = of.iota 1 : tensor<64x64xi64>
  %future = of.compare "gt" %column, %row : (tensor<64x64xi64>, tensor<64x64xi64>) -> tensor<64x64xi1>
  %never = of.constant -1.0e9 : f32 : tensor<f32>
  %scale = of.constant 0.25 : f32 : tensor<f32>

  // Layer 1: attention over 4 heads, then two dense layers; each adds to its input.
  %n_s1 = of.parameter "layer1.norm1.weight" init(#of.init<constant, 1.0>) : tensor<64xf32>
  %n_b1 = of.parameter "layer1.norm1.bias" init(#of.init<constant, 0.0>) : tensor<64xf32>
  %n1 = of.layer_norm %x0, %n_s1, %n_b1 : (tensor<?x64x64xf32>, tensor<64xf32>, tensor<64xf32>) -> tensor<?x64x64xf32>
  %q_w1 = of.parameter "layer1.q.weight" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<64x64xf32>
  %q_b1 = of.parameter "layer1.q.bias" init(#of.init<constant, 0.0>) : tensor<64xf32>
  %q_z1 = of.matmul %n1, %q_w1 : (tensor<?x64x64xf32>, tensor<64x64xf32>) -> tensor<?x64x64xf32>
  %q1 = of.add %q_z1, %q_b1 : (tensor<?x64x64xf32>, tensor<64xf32>) -> tensor<?x64x64xf32>
  %q_r1 = of.reshape %q1 to [0, 64, 4, 16] : (tensor<?x64x64xf32>) -> tensor<?x64x4x16xf32>
  %q_h1 = of.transpose %q_r1 [0, 2, 1, 3] : (tensor<?x64x4x16xf32>) -> tensor<?x4x64x16xf32>
  %k_w1 = of.parameter "layer1.k.weight" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<64x64xf32>
  %k_b1 = of.parameter "layer1.k.bias" init(#of.init<constant, 0.0>) : tensor<64xf32>
  %k_z1 = of.matmul %n1, %k_w1 : (tensor<?x64x64xf32>, tensor<64x64xf32>) -> tensor<?x64x64xf32>
  %k1 = of.add %k_z1, %k_b1 : (tensor<?x64x64xf32>, tensor<64xf32>) -> tensor<?x64x64xf32>
  %k_r1 = of.reshape %k1 to [0, 64, 4, 16] : (tensor<?x64x64xf32>) -> tensor<?x64x4x16xf32>
  %k_h1 = of.transpose %k_r1 [0, 2, 1, 3] : (tensor<?x64x4x16xf32>) -> tensor<?x4x64x16xf32>
  %v_w1 = of.parameter "layer1.v.weight" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<64x64xf32>
  %v_b1 = of.parameter "layer1.v.bias" init(#of.init<constant, 0.0>) : tensor<64xf32>
  %v_z1 = of.matmul %n1, %v_w1 : (tensor<?x64x64xf32>, tensor<64x64xf32>) -> tensor<?x64x64xf32>
  %v1 = of.add %v_z1, %v_b1 : (tensor<?x64x64xf32>, tensor<64xf32>) -> tensor<?x64x64xf32>
  %v_r1 = of.reshape %v1 to [0, 64, 4, 16] : (tensor<?x64x64xf32>) -> tensor<?x64x4x16xf32>
  %v_h1 = of.transpose %v_r1 [0, 2, 1, 3] : (tensor<?x64x4x16xf32>) -> tensor<?x4x64x16xf32>
  %scores1 = of.matmul %q_h1, %k_h1 transpose_rhs : (tensor<?x4x64x16xf32>, tensor<?x4x64x16xf32>) -> tensor<?x4x64x64xf32>
  %scaled1 = of.mul %scores1, %scale : (tensor<?x4x64x64xf32>, tensor<f32>) -> tensor<?x4x64x64xf32>
  %masked1 = of.select %future, %never, %scaled1 : (tensor<64x64xi1>, tensor<f32>, tensor<?x4x64x64xf32>) -> tensor<?x4x64x64xf32>
  %weights1 = of.softmax %masked1 : (tensor<?x4x64x64xf32>) -> tensor<?x4x64x64xf32>
  %mixed1 = of.matmul %weights1, %v_h1 : (tensor<?x4x64x64xf32>, tensor<?x4x64x16xf32>) -> tensor<?x4x64x16xf32>
  %rows1 = of.transpose %mixed1 [0, 2, 1, 3] : (tensor<?x4x64x16xf32>) -> tensor<?x64x4x16xf32>
  %joined1 = of.reshape %rows1 to [0, 64, 64] : (tensor<?x64x4x16xf32>) -> tensor<?x64x64xf32>
  %o_w1 = of.parameter "layer1.o.weight" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<64x64xf32>
  %o_b1 = of.parameter "layer1.o.bias" init(#of.init<constant, 0.0>) : tensor<64xf32>
  %o_z1 = of.matmul %joined1, %o_w1 : (tensor<?x64x64xf32>, tensor<64x64xf32>) -> tensor<?x64x64xf32>
  %o1 = of.add %o_z1, %o_b1 : (tensor<?x64x64xf32>, tensor<64xf32>) -> tensor<?x64x64xf32>
  %y1 = of.add %x0, %o1 : (tensor<?x64x64xf32>, tensor<?x64x64xf32>) -> tensor<?x64x64xf32>
  %m_s1 = of.parameter "layer1.norm2.weight" init(#of.init<constant, 1.0>) : tensor<64xf32>
  %m_b1 = of.parameter "layer1.norm2.bias" init(#of.init<constant, 0.0>) : tensor<64xf32>
  %m1 = of.layer_norm %y1, %m_s1, %m_b1 : (tensor<?x64x64xf32>, tensor<64xf32>, tensor<64xf32>) -> tensor<?x64x64xf32>
  %up_w1 = of.parameter "layer1.up.weight" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<64x256xf32>
  %up_b1 = of.parameter "layer1.up.bias" init(#of.init<constant, 0.0>) : tensor<256xf32>
  %up_z1 = of.matmul %m1, %up_w1 : (tensor<?x64x64xf32>, tensor<64x256xf32>) -> tensor<?x64x256xf32>
  %up1 = of.add %up_z1, %up_b1 : (tensor<?x64x256xf32>, tensor<256xf32>) -> tensor<?x64x256xf32>
  %act1 = of.gelu %up1 : (tensor<?x64x256xf32>) -> tensor<?x64x256xf32>
  %down_w1 = of.parameter "layer1.down.weight" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<256x64xf32>
  %down_b1 = of.parameter "layer1.down.bias" init(#of.init<constant, 0.0>) : tensor<64xf32>
  %down_z1 = of.matmul %act1, %down_w1 : (tensor<?x64x256xf32>, tensor<256x64xf32>) -> tensor<?x64x64xf32>
  %down1 = of.add %down_z1, %down_b1 : (tensor<?x64x64xf32>, tensor<64xf32>) -> tensor<?x64x64xf32>
  %x1 = of.add %y1, %down1 : (tensor<?x64x64xf32>, tensor<?x64x64xf32>) -> tensor<?x64x64xf32>

  // Layer 2: attention over 4 heads, then two dense layers; each adds to its input.
  %n_s2 = of.parameter "layer2.norm1.weight" init(#of.init<constant, 1.0>) : tensor<64xf32>
  %n_b2 = of.parameter "layer2.norm1.bias" init(#of.init<constant, 0.0>) : tensor<64xf32>
  %n2 = of.layer_norm %x1, %n_s2, %n_b2 : (tensor<?x64x64xf32>, tensor<64xf32>, tensor<64xf32>) -> tensor<?x64x64xf32>
  %q_w2 = of.parameter "layer2.q.weight" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<64x64xf32>
  %q_b2 = of.parameter "layer2.q.bias" init(#of.init<constant, 0.0>) : tensor<64xf32>
  %q_z2 = of.matmul %n2, %q_w2 : (tensor<?x64x64xf32>, tensor<64x64xf32>) -> tensor<?x64x64xf32>
  %q2 = of.add %q_z2, %q_b2 : (tensor<?x64x64xf32>, tensor<64xf32>) -> tensor<?x64x64xf32>
  %q_r2 = of.reshape %q2 to [0, 64, 4, 16] : (tensor<?x64x64xf32>) -> tensor<?x64x4x16xf32>
  %q_h2 = of.transpose %q_r2 [0, 2, 1, 3] : (tensor<?x64x4x16xf32>) -> tensor<?x4x64x16xf32>
  %k_w2 = of.parameter "layer2.k.weight" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<64x64xf32>
  %k_b2 = of.parameter "layer2.k.bias" init(#of.init<constant, 0.0>) : tensor<64xf32>
  %k_z2 = of.matmul %n2, %k_w2 : (tensor<?x64x64xf32>, tensor<64x64xf32>) -> tensor<?x64x64xf32>
  %k2 = of.add %k_z2, %k_b2 : (tensor<?x64x64xf32>, tensor<64xf32>) -> tensor<?x64x64xf32>
  %k_r2 = of.reshape %k2 to [0, 64, 4, 16] : (tensor<?x64x64xf32>) -> tensor<?x64x4x16xf32>
  %k_h2 = of.transpose %k_r2 [0, 2, 1, 3] : (tensor<?x64x4x16xf32>) -> tensor<?x4x64x16xf32>
  %v_w2 = of.parameter "layer2.v.weight" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<64x64xf32>
  %v_b2 = of.parameter "layer2.v.bias" init(#of.init<constant, 0.0>) : tensor<64xf32>
  %v_z2 = of.matmul %n2, %v_w2 : (tensor<?x64x64xf32>, tensor<64x64xf32>) -> tensor<?x64x64xf32>
  %v2 = of.add %v_z2, %v_b2 : (tensor<?x64x64xf32>, tensor<64xf32>) -> tensor<?x64x64xf32>
  %v_r2 = of.reshape %v2 to [0, 64, 4, 16] : (tensor<?x64x64xf32>) -> tensor<?x64x4x16xf32>
  %v_h2 = of.transpose %v_r2 [0, 2, 1, 3] : (tensor<?x64x4x16xf32>) -> tensor<?x4x64x16xf32>
  %scores2 = of.matmul %q_h2, %k_h2 transpose_rhs : (tensor<?x4x64x16xf32>, tensor<?x4x64x16xf32>) -> tensor<?x4x64x64xf32>
  %scaled2 = of.mul %scores2, %scale : (tensor<?x4x64x64xf32>, tensor<f32>) -> tensor<?x4x64x64xf32>
  %masked2 = of.select %future, %never, %scaled2 : (tensor<64x64xi1>, tensor<f32>, tensor<?x4x64x64xf32>) -> tensor<?x4x64x64xf32>
  %weights2 = of.softmax %masked2 : (tensor<?x4x64x64xf32>) -> tensor<?x4x64x64xf32>
  %mixed2 = of.matmul %weights2, %v_h2 : (tensor<?x4x64x64xf32>, tensor<?x4x64x16xf32>) -> tensor<?x4x64x16xf32>
  %rows2 = of.transpose %mixed2 [0, 2, 1, 3] : (tensor<?x4x64x16xf32>) -> tensor<?x64x4x16xf32>
  %joined2 = of.reshape %rows2 to [0, 64, 64] : (tensor<?x64x4x16xf32>) -> tensor<?x64x64xf32>
  %o_w2 = of.parameter "layer2.o.weight" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<64x64xf32>
  %o_b2 = of.parameter "layer2.o.bias" init(#of.init<constant, 0.0>) : tensor<64xf32>
  %o_z2 = of.matmul %joined2, %o_w2 : (tensor<?x64x64xf32>, tensor<64x64xf32>) -> tensor<?x64x64xf32>
  %o2 = of.add %o_z2, %o_b2 : (tensor<?x64x64xf32>, tensor<64xf32>) -> tensor<?x64x64xf32>
  %y2 = of.add %x1, %o2 : (tensor<?x64x64xf32>, tensor<?x64x64xf32>) -> tensor<?x64x64xf32>
  %m_s2 = of.parameter "layer2.norm2.weight" init(#of.init<constant, 1.0>) : tensor<64xf32>
  %m_b2 = of.parameter "layer2.norm2.bias" init(#of.init<constant, 0.0>) : tensor<64xf32>
  %m2 = of.layer_norm %y2, %m_s2, %m_b2 : (tensor<?x64x64xf32>, tensor<64xf32>, tensor<64xf32>) -> tensor<?x64x64xf32>
  %up_w2 = of.parameter "layer2.up.weight" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<64x256xf32>
  %up_b2 = of.parameter "layer2.up.bias" init(#of.init<constant, 0.0>) : tensor<256xf32>
  %up_z2 = of.matmul %m2, %up_w2 : (tensor<?x64x64xf32>, tensor<64x256xf32>) -> tensor<?x64x256xf32>
  %up2 = of.add %up_z2, %up_b2 : (tensor<?x64x256xf32>, tensor<256xf32>) -> tensor<?x64x256xf32>
  %act2 = of.gelu %up2 : (tensor<?x64x256xf32>) -> tensor<?x64x256xf32>
  %down_w2 = of.parameter "layer2.down.weight" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<256x64xf32>
  %down_b2 = of.parameter "layer2.down.bias" init(#of.init<constant, 0.0>) : tensor<64xf32>
  %down_z2 = of.matmul %act2, %down_w2 : (tensor<?x64x256xf32>, tensor<256x64xf32>) -> tensor<?x64x64xf32>
  %down2 = of.add %down_z2, %down_b2 : (tensor<?x64x64xf32>, tensor<64xf32>) -> tensor<?x64x64xf32>
  %x2 = of.add %y2, %down2 : (tensor<?x64x64xf32>, tensor<?x64x64xf32>) -> tensor<?x64x64xf32>

  %last_s = of.parameter "norm.weight" init(#of.init<constant, 1.0>) : tensor<64xf32>
  %last_b = of.parameter "norm.bias" init(#of.init<constant, 0.0>) : tensor<64xf32>
  %last = of.layer_norm %x2, %last_s, %last_b : (tensor<?x64x64xf32>, tensor<64xf32>, tensor<64xf32>) -> tensor<?x64x64xf32>
  %head = of.parameter "head.weight" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<64x256xf32>
  %logits = of.matmul %last, %head : (tensor<?x64x64xf32>, tensor<64x256xf32>) -> tensor<?x64x256xf32>
  return %logits : tensor<?x64x256xf32>
}
