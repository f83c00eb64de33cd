"""A model of equal dense layers: matmul and relu, LAYERS times, of one width."""
import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--layers", type=int, required=True)
parser.add_argument("--width", type=int, required=True)
args = parser.parse_args()
square, rows = f"tensor<{args.width}x{args.width}xf32>", f"tensor<?x{args.width}xf32>"
print(f"func.func @net(%x: {rows}) -> {rows} {{")
value = "x"
for i in range(args.layers):
    print(f'  %w{i} = of.parameter "w{i}" init(#of.init<xavier_uniform>) {{fan = "in_out"}} : {square}')
    print(f"  %z{i} = of.matmul %{value}, %w{i} : ({rows}, {square}) -> {rows}")
    print(f"  %h{i} = of.relu %z{i} : ({rows}) -> {rows}")
    value = f"h{i}"
print(f"  return %{value} : {rows}\n}}")
