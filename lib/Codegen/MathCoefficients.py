#!/usr/bin/env python3
"""Prints MathCoefficients.h: polynomials for the expansions in ExpandMath.cpp.

Each is the interpolation of an analytic function at Chebyshev points, computed with 60 digits: within a small factor of the best polynomial of
its degree. Needs mpmath. The error printed beside each is the largest over the interval, before rounding to the type, weighted as it enters the result.
"""
from mpmath import mp, mpf, cos, pi, exp, log, tanh, erf, erfc, sin, atan, sqrt, lu_solve, matrix

mp.dps = 60


def interpolate(f, low, high, degree):
    low, high = mpf(low), mpf(high)
    nodes = [(low + high) / 2 + (high - low) / 2 * cos(pi * (2 * k + 1) / (2 * degree + 2)) for k in range(degree + 1)]
    a = matrix(degree + 1, degree + 1)
    for i, x in enumerate(nodes):
        for j in range(degree + 1):
            a[i, j] = x**j
    return list(lu_solve(a, matrix([f(x) for x in nodes])))


def value(c, x):
    r = mpf(0)
    for k in reversed(c):
        r = r * x + k
    return r


LN2 = log(mpf(2))
QUARTER = (pi / 4) ** 2
TABLE = [
    # name, function, interval, {type: degree}, weight of an error at x in the result (relative)
    ("exp", lambda r: (exp(r) - 1 - r) / r**2 if abs(r) > mpf("1e-15") else mpf(1) / 2 + r / 6, (-LN2 / 2, LN2 / 2), {"f64": 10, "f32": 5}, lambda r: r * r / exp(r)),
    ("log", lambda z: (log((1 + sqrt(z)) / (1 - sqrt(z))) / sqrt(z) - 2) / z, ("1e-30", "0.0295"), {"f64": 7, "f32": 3},
     lambda z: z / 2),
    ("tanhSmall", lambda z: (tanh(sqrt(z)) / sqrt(z) - 1) / z, ("1e-30", "0.39"), {"f64": 12, "f32": 5}, lambda z: z / (tanh(sqrt(z)) / sqrt(z))),
    ("erfSmall", lambda z: erf(sqrt(z)) / sqrt(z) - 1, ("1e-30", "1"), {"f64": 13, "f32": 7}, lambda z: 1 / (erf(sqrt(z)) / sqrt(z))),
    ("erfLarge.f64", lambda u: -log(erfc(1 + 5 * u)), ("0", "1"), {"f64": 23}, lambda u: erfc(1 + 5 * u)),
    ("erfLarge.f32", lambda u: -log(erfc(1 + 3 * u)), ("0", "1"), {"f32": 8}, lambda u: erfc(1 + 3 * u)),
    ("sin", lambda z: (sin(sqrt(z)) / sqrt(z) - 1) / z, ("1e-30", QUARTER), {"f64": 6, "f32": 3}, lambda z: z),
    ("cos", lambda z: (mp.cos(sqrt(z)) - 1 + z / 2) / z**2, ("1e-18", QUARTER), {"f64": 6, "f32": 3}, lambda z: z * z * sqrt(2)),
    ("atan", lambda z: (atan(sqrt(z)) / sqrt(z) - 1) / z, ("1e-30", (sqrt(mpf(2)) - 1) ** 2), {"f64": 10, "f32": 4}, lambda z: z / (atan(sqrt(z)) / sqrt(z))),
]

print("// Polynomials of ExpandMath.cpp, lowest power first. Written by MathCoefficients.py.")
print("#pragma once\n\n// clang-format off\nnamespace of::coefficients {\n")
for name, f, (low, high), degrees, weight in TABLE:
    for kind, degree in degrees.items():
        c = interpolate(f, low, high, degree)
        low_, high_ = mpf(low), mpf(high)
        points = [low_ + (high_ - low_) * k / 400 for k in range(401)]
        error = max(abs(value(c, x) - f(x)) * weight(x) for x in points)
        title = name.split(".")[0]
        print(f"// error {mp.nstr(error, 2)}")
        print(f"inline constexpr double {title}{kind.upper()}[] = {{")
        print("    " + ", ".join(mp.nstr(x, 20) for x in c) + "};")
print("\n} // namespace of::coefficients")
