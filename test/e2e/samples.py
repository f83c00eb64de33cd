"""The order of samples, written a second time after runtime/base/Philox.h and Bijection.h."""


def philox(counter, key):
    c, k = list(counter), list(key)
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & 0xFFFFFFFF, (p0 >> 32) ^ c[3] ^ k[1], p0 & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


class SampleOrder:
    """Sample at a place of an epoch of a shuffled dataset."""

    def __init__(self, size, seed, epoch):
        bits = (size - 1).bit_length()
        self.size, self.low = size, (bits + 1) // 2
        self.masks = (1 << (bits - self.low)) - 1, (1 << self.low) - 1
        self.keys = []
        for i in range(4):
            w = philox((i, 0, epoch & 0xFFFFFFFF, epoch >> 32),
                       (seed & 0xFFFFFFFF, (seed >> 32) ^ 0x62696A65))
            self.keys += [w[1] << 32 | w[0], w[3] << 32 | w[2]]

    @staticmethod
    def mix(x):
        x &= 2**64 - 1
        x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & (2**64 - 1)
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & (2**64 - 1)
        return x ^ (x >> 31)

    def __call__(self, place):
        while True:
            high, low = place >> self.low, place & self.masks[1]
            for r in range(0, 8, 2):
                high ^= self.mix(low + self.keys[r]) & self.masks[0]
                low ^= self.mix(high + self.keys[r + 1]) & self.masks[1]
            place = high << self.low | low
            if place < self.size:
                return place
