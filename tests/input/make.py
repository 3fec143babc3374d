"""Makes the archives in data/, by writers that are not ours: Python's own, warcio, brotli and zstandard.

    pip install warcio brotli zstandard && python tests/input/make.py

They are committed, as tests must not need Python; it writes the same bytes each time.
"""

import gzip
import io
import pathlib
import tarfile
import zipfile
import zlib

import brotli
import zstandard
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

here = pathlib.Path(__file__).parent / "data"
MOMENT = (2026, 1, 2, 3, 4, 6)


def page(n, text="tide"):
    return f"<!doctype html><title>{n}</title><p>{text} {n}</p>".encode()


def chunked(body, size=7):
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%X;x=y\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\nTrailer: x\r\n\r\n"


def raw_deflate(body):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(body) + packer.flush()


def warc(name, packed, version):
    out = io.BytesIO()
    writer = WARCWriter(out, gzip=packed, warc_version=version)

    def record(kind, uri, body, headers=(), status="200 OK", http=True, content_type=None, protocol="HTTP/1.1"):
        head = StatusAndHeaders(status, list(headers), protocol=protocol) if http else None
        fixed = {"WARC-Date": "2026-01-02T03:04:06Z", "WARC-Record-ID": f"<urn:uuid:{record.count:032}>"}
        record.count += 1
        made = writer.create_warc_record(
            uri, kind, payload=io.BytesIO(body), http_headers=head, warc_headers_dict=fixed,
            **({"warc_content_type": content_type} if content_type else {}),
        )
        writer.write_record(made)

    record.count = 0
    html = ("Content-Type", "text/html; charset=utf-8")
    record("warcinfo", None, b"software: make.py\r\n", http=False, content_type="application/warc-fields")
    record("request", "http://t.example/1", b"", [("Host", "t.example")], status="GET / HTTP/1.0")
    record("response", "http://t.example/1", page(1), [html, ("Content-Length", str(len(page(1))))])
    record("response", "http://t.example/2", chunked(page(2)), [html, ("Transfer-Encoding", "chunked")])
    record("response", "http://t.example/3", gzip.compress(page(3), mtime=0), [html, ("Content-Encoding", "gzip")])
    record("response", "http://t.example/4", zlib.compress(page(4)), [html, ("Content-Encoding", "deflate")])
    record("response", "http://t.example/5", raw_deflate(page(5)), [html, ("Content-Encoding", "deflate")])
    record("response", "http://t.example/6", brotli.compress(page(6)), [html, ("Content-Encoding", "br")])
    record("response", "http://t.example/7", zstandard.compress(page(7)), [html, ("Content-Encoding", "zstd")])
    both = chunked(gzip.compress(page(8), mtime=0), 16)
    record("response", "http://t.example/8", both, [html, ("Content-Encoding", "gzip"), ("Transfer-Encoding", "chunked")])
    record("response", "http://t.example/moved", b"<p>moved", [html, ("Location", "/")], status="301 Moved Permanently")
    record("response", "http://t.example/picture", b"\x89PNG\r\n\x1a\n\0", [("Content-Type", "image/png")])
    record("response", "dns:t.example", b"20260102030406\nt.example. A 192.0.2.1\n", http=False, content_type="text/dns")
    record("resource", "file://t.example/9.html", page(9), http=False, content_type="text/html")
    record("revisit", "http://t.example/1", b"", [html])
    latin = "<title>10</title><p>été".encode("latin-1")
    record("response", "http://t.example/10", latin, [("Content-Type", 'text/html; charset="ISO-8859-1"')])
    unpacked = [html, ("Content-Encoding", "gzip"), ("Transfer-Encoding", "chunked"), ("Content-Length", "7")]
    record("response", "http://t.example/11", page(11), unpacked)
    record("response", "http://t.example/12", page(12), [], protocol="HTTP/2")
    record("response", "http://t.example/13", page(13), [html, ("Content-Encoding", "sdch")])
    record("response", "http://t.example/14", page(14), [html, ("Content-Length", "999")])
    (here / name).write_bytes(out.getvalue())


def zips():
    with zipfile.ZipFile(here / "pages.zip", "w") as archive:
        def add(name, body, method=zipfile.ZIP_DEFLATED):
            info = zipfile.ZipInfo(name, MOMENT)
            info.compress_type = method
            archive.writestr(info, body)

        archive.writestr(zipfile.ZipInfo("site/", MOMENT), b"")
        add("site/1.html", page(1) * 50)
        add("site/2.HTM", page(2), zipfile.ZIP_STORED)
        add("site/süd.html", page(3))
        add("site/style.css", b"p {}")
        add("site/4.html.gz", gzip.compress(page(4), mtime=0))
        add("site/5.html", page(5), zipfile.ZIP_BZIP2)
        with archive.open(zipfile.ZipInfo("large/6.html", MOMENT), "w", force_zip64=True) as member:
            member.write(page(6))
        archive.comment = b"a comment PK\x05\x06 that looks like an end"

    class Pipe(io.RawIOBase):
        """A pipe cannot go back, so lengths and sums stand behind the members."""

        def __init__(self, path):
            self.file = open(path, "wb")

        def writable(self):
            return True

        def write(self, data):
            return self.file.write(data)

        def close(self):
            self.file.close()
            super().close()

    pipe = Pipe(here / "streamed.zip")
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for n in range(3):
            info = zipfile.ZipInfo(f"{n}.html", MOMENT)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, page(n))
    pipe.close()


def tars():
    kinds = [("ustar", tarfile.USTAR_FORMAT), ("gnu", tarfile.GNU_FORMAT), ("pax", tarfile.PAX_FORMAT)]
    for name, kind in kinds:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=kind) as archive:
            def add(path, body, **more):
                info = tarfile.TarInfo(path)
                info.size = len(body)
                for key, value in more.items():
                    setattr(info, key, value)
                archive.addfile(info, io.BytesIO(body))

            add("site", b"", type=tarfile.DIRTYPE)
            add("site/1.html", page(1))
            add("d" * 60 + "/" + "e" * 60 + "/2.html", page(2) * 20)
            if name != "ustar":
                add("f" * 300 + "/süd.html", page(3))
            add("site/link.html", b"", type=tarfile.SYMTYPE, linkname="1.html")
            add("site/style.css", b"p {}" * 200)
            add("site/4.html.gz", gzip.compress(page(4), mtime=0))
            add("site/5.html", b"")
        (here / f"{name}.tar").write_bytes(out.getvalue())
    packed = gzip.compress((here / "gnu.tar").read_bytes(), mtime=0)
    (here / "gnu.tar.gz").write_bytes(packed)
    (here / "pax.tar.zst").write_bytes(zstandard.compress((here / "pax.tar").read_bytes()))
    (here / "pax.tar").unlink()


warc("crawl.warc.gz", True, "1.0")
warc("crawl.warc", False, "1.1")
plain = (here / "crawl.warc").read_bytes()
(here / "crawl.warc.zst").write_bytes(zstandard.compress(plain[: len(plain) // 2]) + zstandard.compress(plain[len(plain) // 2 :]))
zips()
tars()
lines = [b'{"html":"<p>caf\\u00e9</p>","url":"http://t.example/1","other":[{"html":"no"}]}', b"", b'{"html":3}', b"{torn",
         b'{"url":17,"html":"<p>two</p>"}']
(here / "pages.jsonl.zst").write_bytes(zstandard.compress(b"\n".join(lines)))
(here / "page.html.gz").write_bytes(gzip.compress(page(1), mtime=0) + gzip.compress(b"<p>second member", mtime=0) + b"\0" * 40)
