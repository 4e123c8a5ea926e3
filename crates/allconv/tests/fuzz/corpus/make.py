"""Makes the inputs of the corpus that a program can describe: `python3 make.py`, with Python 3 alone. Each is a fault that was found, or a file made to mislead a reader."""
import io, json, pickle, struct, tarfile, zipfile, zlib
from pathlib import Path

HERE = Path(__file__).resolve().parent


def put(target, name, content):
    path = HERE / target / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width, height, before=b"", colour=2, depth=8, rows=None):
    rows = b"".join(b"\0" + bytes(3 * width) for _ in range(height)) if rows is None else rows
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def images():
    bomb = zlib.compress(bytes(1 << 25), 9)
    put("image", "profile-of-32-MiB.png", png(2, 2, chunk(b"iCCP", b"a\0\0" + bomb)))
    put("image", "text-of-32-MiB.png", png(2, 2, chunk(b"zTXt", b"a\0\0" + bomb)))
    put("image", "65535-by-65535.png", png(65535, 65535, rows=b""))
    put("image", "no-pixels.png", png(0, 4, rows=b""))
    put("image", "one-row-too-few.png", png(4, 4, rows=(b"\0" + bytes(12)) * 3))
    put("image", "bmp-of-negative-height.bmp", b"BM" + struct.pack("<IHHIIiiHHIIiiII", 58, 0, 0, 54, 40, 1, -(2**31), 1, 24, 0, 4, 0, 0, 0, 0) + bytes(4))
    put("image", "webp-of-no-length.webp", b"RIFF\xff\xff\xff\xffWEBPVP8L\0\0\0\0")
    put("image", "empty.png", b"")
    put("image", "start-of-jpeg.jpg", b"\xff\xd8\xff\xdb\0\x43\0")


def outcomes():
    for label in (1000, 4096, 8192, 65535):
        record = struct.pack("<IHHf", 0, label, label, 0.5)
        put("outcomes", f"label-{label}.bin", b"ACOUTC01" + struct.pack("<I", 1) + record)
    put("outcomes", "number-beyond-the-file.bin", b"ACOUTC01" + b"\xff" * 8)
    put("outcomes", "later.bin", b"ACOUTC99" + bytes(64))


STUDY = """question = "q"
primary = {{ metric = "error", split = "test", better = "lower" }}
compare = {{ baseline = "a" }}
seeds = {{ from = {first}, count = {count} }}
[base.data]
dataset = "synthetic"
validation = {validation}
synthetic = {{ seed = 0, size = 32, train = {train}, test = 10 }}
[base.net]
architecture = {{ springenberg = {{ base = "c" }} }}
[base.train]
preset = "fast"
[arms.a.net.downsample]
max_pool = {{ kernel = 3, stride = 2 }}
"""


def studies():
    of = lambda **changed: STUDY.format(**{"first": 0, "count": 5, "validation": 0, "train": 100, **changed})
    put("study-file", "validation-of-terabytes.toml", of(validation=10**12))
    put("study-file", "validation-beyond-64-bits.toml", of(validation=2**63 - 1))
    put("study-file", "ten-million-images.toml", of(train=10**7))
    put("study-file", "four-billion-seeds.toml", of(first=2**32 - 1, count=2**32 - 1))
    put("study-file", "deep.toml", "a = " + "[" * 5000 + "]" * 5000)
    put("study-file", "deep-tables.toml", "[" + ".".join("a" * 1 for _ in range(5000)) + "]\n")
    put("study-file", "no-text.toml", b"\xff\xfe\0\0question")


def weights():
    header = lambda text, length=None: struct.pack("<Q", len(text) if length is None else length) + text.encode()
    tensor = lambda start, end: json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [start, end]}})
    for target in ("safetensors", "foreign-weights"):
        put(target, "header-of-2-to-63.safetensors", header("{}", 2**63))
        put(target, "offsets-beyond-the-file.safetensors", header(tensor(0, 2**40)))
        put(target, "offsets-in-reverse.safetensors", header(tensor(8, 4)) + bytes(8))
        shape = json.dumps({"a": {"dtype": "F32", "shape": [2**32, 2**32], "data_offsets": [0, 4]}})
        put(target, "shape-that-overflows.safetensors", header(shape) + bytes(4))
        put(target, "deep.safetensors", header("[" * 20000))

    def archive(pickled):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as file:
            file.writestr("a/data.pkl", pickled)
            file.writestr("a/byteorder", "little")
            file.writestr("a/data/0", bytes(8))
        return out.getvalue()

    put("foreign-weights", "system-call.pth", archive(b"cos\nsystem\n(S'true'\ntR."))
    put("foreign-weights", "deep-tuples.pth", archive(b"(" * 10000 + b"t" * 10000 + b"."))
    put("foreign-weights", "memo-beyond-the-stack.pth", archive(b"\x80\x02j\xff\xff\xff\xff."))
    put("foreign-weights", "list-in-itself.pth", archive(b"\x80\x02]q\0h\0a."))
    put("foreign-weights", "string-of-gigabytes.pth", archive(b"\x80\x04\x8d" + struct.pack("<Q", 2**62) + b"a."))


def archives():
    def tar(*entries):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as file:
            for name, kind, link in entries:
                info = tarfile.TarInfo(name)
                info.type, info.linkname = kind, link
                content = png(2, 2) if kind == tarfile.REGTYPE else b""
                info.size = len(content)
                file.addfile(info, io.BytesIO(content))
        return out.getvalue()

    file = tarfile.REGTYPE
    put("archive", "parent-folder.tar", tar(("../train/a/1.png", file, "")))
    put("archive", "absolute.tar", tar(("/train/a/1.png", file, "")))
    put("archive", "link.tar", tar(("train/a/1.png", tarfile.SYMTYPE, "/etc/passwd")))
    put("archive", "hard-link.tar", tar(("train/a/1.png", tarfile.LNKTYPE, "x")))
    put("archive", "device.tar", tar(("train/a/1.png", tarfile.CHRTYPE, "")))
    put("archive", "twice.tar", tar(("train/a/1.png", file, ""), ("train/a/1.png", file, "")))
    put("archive", "other-case.tar", tar(("train/a/1.png", file, ""), ("train/A/1.PNG", file, "")))
    long = tar(("train/" + "a" * 5000 + "/1.png", file, ""))
    put("archive", "name-of-5000.tar", zlib.decompress(zlib.compress(long)).rstrip(b"\0") + bytes(1024))
    lie = bytearray(tar(("train/a/1.png", file, "")))
    lie[124:136] = b"77777777777\0"
    put("archive", "size-that-lies.tar", bytes(lie))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("train/a/1.png", bytes(1 << 24))
    put("archive", "zeros-of-16-MiB.zip", out.getvalue())


def records():
    put("run-record", "later.json", '{"schema": 99, "status": "finished"}')
    put("run-record", "deep.json", "[" * 20000)
    line = '{"step":1,"epoch":1.0,"split":"test","name":"error","value":%s}\n'
    put("journal", "twice.jsonl", line % 0.5 + line % 0.25)
    put("journal", "impossible.jsonl", line % "5" + line % "-1e308" + line % "1e999")
    put("journal", "long-name.jsonl", (line % 0.5).replace("error", "e" * 400))
    put("journal", "step-beyond-64-bits.jsonl", (line % 0.5).replace('"step":1', '"step":18446744073709551616'))
    put("label-list", "256", "a=256")
    put("label-list", "without-name", "=0,=1")
    put("model-config", "deep.json", "[" * 20000)


for make in (images, outcomes, studies, weights, archives, records):
    make()
