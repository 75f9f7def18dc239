"""Makes channels.csv and channels.json: the shape of the channel study (32 provinces x 5 channels) on
synthetic numbers, and what SciPy makes of them by Ward's method.

    python3 tests/published/ward.py        # wants NumPy and SciPy; the tests do not

The numbers are nobody's. Four kinds of provinces (14, 6, 6 and 6 of them) differ in how far their five
channels are built; one number is the same everywhere and one has gaps, and both are left out, as the study
leaves out channels that a province does not have.
"""

import csv
import json
import pathlib

import numpy
import scipy
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.stats import zscore

HERE = pathlib.Path(__file__).parent
CHANNELS = ["national", "portal", "ios", "android", "mini"]
KINDS = [14, 6, 6, 6]
# What a channel is like in each kind: items handled online, and what citizens say of it (0-5).
ITEMS = [[620, 800, 300, 310, 150], [640, 1900, 900, 880, 500], [600, 500, 90, 95, 700], [210, 350, 60, 70, 40]]
RATING = [[3.9, 4.0, 3.1, 3.2, 3.6], [4.0, 4.6, 4.4, 4.3, 4.2], [3.8, 3.0, 2.2, 2.4, 4.5], [3.0, 2.6, 2.9, 2.8, 2.5]]

random = numpy.random.default_rng(20261129)
kinds = random.permutation(numpy.repeat(numpy.arange(4), KINDS))
names = [f"C{c + 1}.{what}" for c in range(5) for what in ("items", "rating")]
rows = []
for kind in kinds:
    row = []
    for c in range(5):
        row.append(round(float(random.normal(ITEMS[kind][c], 0.08 * ITEMS[kind][c]))))
        row.append(round(float(random.normal(RATING[kind][c], 0.12)), 2))
    rows.append(row)

with (HERE / "channels.csv").open("w", newline="", encoding="utf-8") as out:
    sheet = csv.writer(out, lineterminator="\n")
    sheet.writerow(["province", *names, "C6.items", "C6.rating"])
    for number, row in enumerate(rows, 1):
        # The sixth channel: nobody has it yet, and its rating is known of some.
        sheet.writerow([f"p{number:02}", *row, 0, "" if number % 3 else 3.3])

scores = zscore(numpy.array(rows, dtype=float), axis=0)
tree = linkage(scores, method="ward")
answer = {
    "made_with": f"SciPy {scipy.__version__}, NumPy {numpy.__version__}",
    "merges": [[int(a), int(b), float(h), int(n)] for a, b, h, n in tree],
    "sizes": sorted(numpy.bincount(fcluster(tree, 4, "maxclust"))[1:].tolist(), reverse=True),
}
(HERE / "channels.json").write_text(json.dumps(answer, indent=1) + "\n", encoding="utf-8")
