//! Archives by writers that are not ours (see `make.py`).

use std::io::Cursor;

use slackwater::extract::input::{JsonFields, Pages, is_archive, is_archive_name, is_page_name};

use crate::{MOST, all, data, of_file, of_stream, page};

/// Promise: a response is a page by its address, whatever its body was packed in; requests, redirections, pictures and name servers'
/// answers are none. Provoked: warcio's files of both versions, plain, a gzip member a record, and zstd frames that end anywhere.
#[test]
fn a_crawl_gives_its_pages() {
    for name in ["crawl.warc", "crawl.warc.gz", "crawl.warc.zst"] {
        let (pages, skipped) = of_stream(&data(name));
        let text = |n: u32| {
            let found = pages.iter().find(|(name, _)| name.ends_with(&format!("t.example/{n}")));
            found.unwrap_or_else(|| panic!("{name}: no {n} in {pages:?}")).1.clone()
        };
        for n in [1, 2, 3, 4, 5, 6, 7, 8, 11, 12] {
            assert_eq!(text(n), Ok(page(n)), "{name}");
        }
        assert_eq!(text(10), Ok("<title>10</title><p>été".to_owned()));
        assert!(pages.iter().any(|(name, got)| name == "file://t.example/9.html" && *got == Ok(page(9))));
        assert!(text(13).unwrap_err().contains("\"sdch\" is not known"), "{pages:?}");
        assert!(text(14).unwrap_err().contains("Content-Length says 999"), "{pages:?}");
        assert_eq!((pages.len(), skipped), (14, 6), "{name}: {pages:?}");
    }
}

/// Promise: a zip gives the pages among its members, whatever Python packs them with that is known here. Provoked: stored, deflated,
/// a page compressed before, zip64, names that are no ASCII, a comment like an end, a method that is not known, lengths behind.
#[test]
fn a_zip_gives_its_pages() {
    let (pages, skipped) = of_file(data("pages.zip"));
    let names: Vec<_> = pages.iter().map(|(name, _)| &**name).collect();
    let wanted = ["site/1.html", "site/2.HTM", "site/süd.html", "site/4.html.gz", "site/5.html", "large/6.html"];
    assert_eq!(names, wanted.map(|name| format!("it#{name}")));
    let texts: Vec<_> = pages.iter().map(|(_, text)| text.clone()).collect();
    assert_eq!(texts[0], Ok(page(1).repeat(50)));
    assert_eq!(texts[1..4], [Ok(page(2)), Ok(page(3)), Ok(page(4))]);
    assert!(texts[4].as_ref().unwrap_err().contains("method 12"), "{texts:?}");
    assert_eq!((texts[5].clone(), skipped), (Ok(page(6)), 2));

    let (pages, _) = of_file(data("streamed.zip"));
    assert_eq!(pages.iter().map(|(_, text)| text.clone().unwrap()).collect::<Vec<_>>(), [page(0), page(1), page(2)]);
    // Behind something else, as in a program that unpacks itself: only its beginning says that it is one.
    let (pages, _) = of_file([&b"PK\x03\x04 something in front of it"[..], &data("streamed.zip")].concat());
    assert_eq!(pages.iter().filter(|(_, text)| text.is_ok()).count(), 3);
    assert!(of_stream(&data("pages.zip")).0[0].1.as_ref().unwrap_err().contains("must be a file"));
}

/// Promise: a tar gives the pages among its members. Provoked: Python's three formats with names longer than a header has room for,
/// links, folders, an empty page, compressed as a whole.
#[test]
fn a_tar_gives_its_pages() {
    for (name, long) in [("ustar.tar", false), ("gnu.tar", true), ("gnu.tar.gz", true), ("pax.tar.zst", true)] {
        let (pages, skipped) = of_stream(&data(name));
        let mut wanted = vec![("it#site/1.html".to_owned(), page(1))];
        wanted.push((format!("it#{}/{}/2.html", "d".repeat(60), "e".repeat(60)), page(2).repeat(20)));
        if long {
            wanted.push((format!("it#{}/süd.html", "f".repeat(300)), page(3)));
        }
        wanted.push(("it#site/4.html.gz".to_owned(), page(4)));
        wanted.push(("it#site/5.html".to_owned(), String::new()));
        let wanted: Vec<_> = wanted.into_iter().map(|(name, text)| (name, Ok(text))).collect();
        assert_eq!((pages, skipped), (wanted, 3), "{name}");
    }
}

/// Promise: a compressed page is one page, also of several members and with padding behind it. Provoked: both.
#[test]
fn a_compressed_page_is_a_page() {
    let both = page(1) + "<p>second member";
    assert_eq!(of_stream(&data("page.html.gz")).0, [("it".to_owned(), Ok(both.clone()))]);
    assert_eq!(of_file(data("page.html.gz")).0, [("it".to_owned(), Ok(both))]);
    assert_eq!(of_stream(b"<p>plain").0, [("it".to_owned(), Ok("<p>plain".to_owned()))]);
    assert_eq!(of_stream(b"").0, [("it".to_owned(), Ok(String::new()))]);
}

/// Promise: each line is a page by the name it says, or by its number; one that is wrong is its own error. Provoked: nested
/// objects with the same field, escapes, an empty line, a field of another kind, a torn line, a number for a name.
#[test]
fn json_lines_give_a_page_each() {
    let fields = JsonFields { html: "html".into(), name: Some("url".into()) };
    let (pages, _) = all(Pages::of_json_lines(Cursor::new(data("pages.jsonl.zst")), "it", fields, MOST));
    assert_eq!(pages[0], ("http://t.example/1".to_owned(), Ok("<p>café</p>".to_owned())));
    assert!(pages[1].0 == "it#3" && pages[1].1.as_ref().unwrap_err().contains("no text in \"html\""), "{pages:?}");
    assert!(pages[2].0 == "it#4" && pages[2].1.as_ref().unwrap_err().contains("column"), "{pages:?}");
    assert_eq!(pages[3..], [("17".to_owned(), Ok("<p>two</p>".to_owned()))]);
}

/// Promise: content says what is an archive, and names what is looked at in a folder. Provoked: all of them.
#[test]
fn archives_are_known_by_content() {
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/input/data")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let many = !name.starts_with("page.") && !name.starts_with("pages.jsonl");
        assert_eq!(is_archive(&mut std::fs::File::open(&path).unwrap()).unwrap(), many, "{name}");
        assert_eq!(is_archive_name(&name), many, "{name}");
        assert_eq!(is_page_name(&name), name == "page.html.gz", "{name}");
    }
    assert!(!is_archive(&mut Cursor::new(&b"<p>"[..])).unwrap());
    assert!(!is_archive(&mut Cursor::new(&b"\x1F\x8B\x08\0\0torn"[..])).unwrap());
}
