"""The rate at which Pillow makes the input of a network of the JPEGs of a tar archive, on one thread, as one line of JSON.

    python jpeg_rates.py jpeg|train|evaluate ARCHIVE

The counterpart of allconv-data's example `data_rates`: files lie in memory, pixels come out as RGB bytes. `jpeg` crops the middle, `train` resizes
a part of the image, `evaluate` resizes the shorter edge to 256 pixels and crops the middle.
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
EDGE = 256


SHARES = (0.15, 0.4, 0.65, 0.9)


def middle(image, width, height):
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def finish(mode, image, number):
    if mode == "jpeg":
        return middle(image, CROP, CROP)
    if mode == "train":
        share = SHARES[number % len(SHARES)] ** 0.5
        part = middle(image, int(image.width * share), int(image.height * share))
        return part.resize((CROP, CROP), Image.Resampling.BILINEAR)
    short = min(image.size)
    size = tuple(EDGE * length // short for length in image.size)
    image = image.resize(size, Image.Resampling.BILINEAR)
    left, top = round((image.width - CROP) / 2), round((image.height - CROP) / 2)
    return image.crop((left, top, left + CROP, top + CROP))


def main():
    mode = sys.argv[1]
    with tarfile.open(sys.argv[2]) as archive:
        members = [member for member in archive.getmembers() if member.name.lower().endswith((".jpg", ".jpeg"))]
        files = [archive.extractfile(member).read() for member in members]

    def pixels(number, file):
        pixels = finish(mode, Image.open(io.BytesIO(file)).convert("RGB"), number).tobytes()
        assert len(pixels) == 3 * CROP * CROP
        return pixels

    mean = statistics.fmean(sum(pixels(number, file)) / (3 * CROP * CROP) for number, file in enumerate(files))
    rates = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for number, file in enumerate(files):
            pixels(number, file)
        rates.append(len(files) / (time.perf_counter() - start))
    rates = {"median": statistics.median(rates), "min": min(rates), "max": max(rates)}
    print(json.dumps({"images_per_second": rates, "mean": mean}))


if __name__ == "__main__":
    main()
