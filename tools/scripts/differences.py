"""How far two readers of the same log are apart."""

import numpy as np


class Differences:
    """The greatest of each kind, and how many there were."""

    def __init__(self):
        self.kinds = {}

    def add(self, kind, difference, most):
        # What is no number must not pass.
        difference = np.max(np.nan_to_num(difference, nan=np.inf), initial=0.0)
        greatest, count, _ = self.kinds.get(kind, (0.0, 0, most))
        self.kinds[kind] = (max(greatest, difference), count + 1, most)

    def report(self):
        failed = False
        for kind, (greatest, count, most) in self.kinds.items():
            wrong = greatest > most
            failed |= wrong
            print(f"{kind:38} {count:6} compared, {greatest:.3g} at most"
                  + (f", WRONG: {most:g} is allowed" if wrong else ""))
        return failed
