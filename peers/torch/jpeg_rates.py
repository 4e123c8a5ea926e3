"""The rate at which Pillow decodes the JPEGs of a tar archive and crops their middle, on one thread, as one line of JSON.

    python jpeg_rates.py ARCHIVE

The counterpart of allconv-data's example `data_rates jpeg ARCHIVE`: files lie in memory, pixels come out as RGB bytes.
"""

import io
import json
import statistics
import sys
import tarfile
import time

from PIL import Image

ROUNDS = 7
CROP = 224


def main():
    with tarfile.open(sys.argv[1]) as archive:
        members = [member for member in archive.getmembers() if member.name.lower().endswith((".jpg", ".jpeg"))]
        files = [archive.extractfile(member).read() for member in members]
    rates = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for file in files:
            image = Image.open(io.BytesIO(file)).convert("RGB")
            left, top = (image.width - CROP) // 2, (image.height - CROP) // 2
            assert len(image.crop((left, top, left + CROP, top + CROP)).tobytes()) == 3 * CROP * CROP
        rates.append(len(files) / (time.perf_counter() - start))
    print(json.dumps({"images_per_second": {"median": statistics.median(rates), "min": min(rates), "max": max(rates)}}))


if __name__ == "__main__":
    main()
