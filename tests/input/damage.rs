//! Files that are not what they should be: each page its own error, and nothing else lost.

use crate::{MOST, Outcome, data, gzip, of_file, of_stream, record, response};

fn address(n: usize) -> String {
    format!("http://t.example/{n}")
}

fn good(n: usize) -> Vec<u8> {
    record(&address(n), &response(&format!("<p>{n}</p>")))
}

/// The numbers of the pages that came through whole.
fn whole(pages: &[Outcome]) -> Vec<usize> {
    let number = |(name, text): &Outcome| {
        let n: usize = name.rsplit('/').next()?.parse().ok()?;
        (text.as_ref().ok()? == &format!("<p>{n}</p>")).then_some(n)
    };
    pages.iter().filter_map(number).collect()
}

fn failures(pages: &[Outcome]) -> Vec<&str> {
    pages.iter().filter_map(|(_, text)| text.as_ref().err()).map(String::as_str).collect()
}

/// Promise: a record that lies about its length costs itself alone. Provoked: too short, too long by one record, by all that follow,
/// by more than there can be, and no number; plain and compressed, as a whole and by record.
#[test]
fn a_record_that_lies_costs_itself_alone() {
    for claim in ["10", "300", "99999", "18446744073709551615", "many", "-1"] {
        let lie = good(3);
        let text = String::from_utf8(lie).unwrap();
        let at = text.find("Content-Length: ").unwrap();
        let end = at + text[at..].find('\r').unwrap();
        let lie = format!("{}Content-Length: {claim}{}", &text[..at], &text[end..]).into_bytes();
        let records: Vec<_> = (0..8).map(|n| if n == 3 { lie.clone() } else { good(n) }).collect();
        let by_record: Vec<u8> = records.iter().flat_map(|record| gzip(record)).collect();
        let (pages, _) = of_stream(&by_record);
        assert_eq!(whole(&pages), [0, 1, 2, 4, 5, 6, 7], "{claim}: {pages:?}");
        assert_eq!(failures(&pages).len(), 1, "{claim}: {pages:?}");

        let plain = records.concat();
        for bytes in [gzip(&plain), plain] {
            let (pages, _) = of_stream(&bytes);
            // What is skipped unread, as it is larger than any page may be, cannot be gone back to.
            let wanted: &[usize] = if claim.len() > 10 { &[0, 1, 2] } else { &[0, 1, 2, 4, 5, 6, 7] };
            assert_eq!(whole(&pages), wanted, "{claim}: {pages:?}");
            assert_eq!(failures(&pages).len(), 1, "{claim}: {pages:?}");
        }
    }
}

/// Promise: a damaged gzip member costs itself, and the file goes on with the next. Provoked: every byte of one, changed.
#[test]
fn a_damaged_member_costs_itself_alone() {
    let members: Vec<_> = (0..5).map(|n| gzip(&good(n))).collect();
    let start = members[0].len() + members[1].len();
    let file = members.concat();
    for at in start..start + members[2].len() {
        let mut damaged = file.clone();
        damaged[at] ^= 0xFF;
        let (pages, _) = of_stream(&damaged);
        let got = whole(&pages);
        // The time, the system, and a flag that means nothing are no damage.
        assert!(
            got == [0, 1, 3, 4] && failures(&pages).len() == 1 || got == [0, 1, 2, 3, 4],
            "{}: {pages:?}",
            at - start
        );
        if at - start > 10 {
            assert_eq!(got, [0, 1, 3, 4], "{}", at - start);
        }
    }
}

/// Promise: a file that was cut gives what was whole, and one error for the rest. Provoked: each format, cut at every byte or so.
#[test]
fn a_cut_file_gives_what_was_whole() {
    let plain: Vec<u8> = (0..6).flat_map(good).collect();
    let packed: Vec<u8> = (0..6).flat_map(|n| gzip(&good(n))).collect();
    for (file, step) in [(plain, 3), (packed, 2)] {
        let mut most = 0;
        for cut in (600..file.len()).step_by(step) {
            let (pages, _) = of_stream(&file[..cut]);
            let got = whole(&pages);
            assert_eq!(got, (0..got.len()).collect::<Vec<_>>());
            assert!(got.len() >= most && failures(&pages).len() <= 1, "{cut}: {pages:?}");
            most = got.len();
        }
        assert!(most >= 5);
    }
    for name in ["gnu.tar", "gnu.tar.gz", "pax.tar.zst", "crawl.warc.zst"] {
        let file = data(name);
        let all = of_stream(&file).0;
        for cut in (5..file.len()).step_by(1 + file.len() / 300) {
            let pages = of_stream(&file[..cut]).0;
            let sound = pages.iter().zip(&all).take_while(|(got, wanted)| got == wanted).count();
            assert!(pages.len() - sound <= 1 || name.contains("warc"), "{name} {cut}: {pages:?}");
        }
    }
    let file = data("pages.zip");
    for cut in 4..file.len() {
        let pages = of_file(file[..cut].to_vec()).0;
        assert!(pages.iter().any(|(_, text)| text.is_err()), "{cut}: {pages:?}");
    }
}

/// Promise: no byte that is wrong makes a panic, an endless loop or a wrong page of a zip. Provoked: every byte of it.
#[test]
fn a_damaged_zip_gives_its_other_members() {
    let file = data("pages.zip");
    let sound = of_file(file.clone()).0;
    for at in 0..file.len() {
        let mut damaged = file.clone();
        damaged[at] ^= 0xFF;
        let pages = of_file(damaged).0;
        for (name, text) in &pages {
            let known = sound.iter().find(|(other, _)| other == name);
            assert!(known.is_none_or(|(_, wanted)| text.is_err() || text == wanted), "{at}: {name}");
        }
    }
}

/// Promise: bombs are refused, by the size of what comes out. Provoked: gzip, zip and tar that say so, and that do not.
#[test]
fn bombs_are_refused() {
    let bomb = vec![b' '; 3 * MOST as usize];
    let too_large = format!("larger than {MOST} bytes");
    let packed = gzip(&bomb);
    for (pages, _) in [of_stream(&packed), of_file(packed.clone())] {
        assert_eq!(failures(&pages), [&*too_large]);
    }
    let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", packed.len());
    let file =
        [record(&address(0), &[head.as_bytes(), &packed].concat()), good(1), record(&address(2), &bomb), good(3)];
    let (pages, _) = of_stream(&file.concat());
    assert_eq!(whole(&pages), [1, 3], "{:?}", failures(&pages));
    assert_eq!(failures(&pages), [&*too_large, &*too_large]);
}

/// Promise: bytes between members are told, zeros that pad are not. Provoked: both, in the middle and at the end.
#[test]
fn bytes_that_belong_to_nothing_are_told() {
    let (one, two) = (gzip(&good(1)), gzip(&good(2)));
    for (between, behind, told) in [(&b"garbage"[..], &b""[..], 1), (b"", b"garbage", 1), (&[0; 512], &[0; 700], 0)] {
        let (pages, _) = of_stream(&[&one, between, &two, behind].concat());
        assert_eq!(whole(&pages), [1, 2]);
        assert_eq!(failures(&pages).len(), told, "{pages:?}");
    }
}

/// Promise: only records of versions that are known are read. Provoked: the version before, and the one after.
#[test]
fn other_versions_are_told() {
    let old = String::from_utf8(good(1)).unwrap().replace("WARC/1.1", "WARC/0.18").into_bytes();
    let (pages, _) = of_stream(&[old, good(2)].concat());
    assert_eq!(whole(&pages), [2]);
    assert!(failures(&pages)[0].contains("WARC/0.18"), "{pages:?}");
}

/// Promise: a broken line of JSON costs itself alone. Provoked: no UTF-8, and one longer than a page may be.
#[test]
fn a_line_that_is_too_long_costs_itself_alone() {
    use slackwater::extract::input::{JsonFields, Pages};
    let fields = JsonFields { html: "html".into(), name: None };
    let long = [b"{\"html\":\"", &vec![b'x'; 2 * MOST as usize][..], b"\"}\n"].concat();
    let file =
        [&b"{\"html\":\"<p>1</p>\"}\r\n"[..], &long, b"{\"html\":\"\xFF\"}\n", b"{\"html\":\"<p>4</p>\"}"].concat();
    let (pages, _) = crate::all(Pages::of_json_lines(&file[..], "it", fields, MOST));
    assert_eq!(pages.iter().map(|(_, text)| text.is_ok()).collect::<Vec<_>>(), [true, false, false, true], "{pages:?}");
    assert!(failures(&pages)[0].contains("larger than"), "{pages:?}");
}
