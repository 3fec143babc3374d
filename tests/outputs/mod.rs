//! What the tests of outputs share: folders, pages, and readers that have nothing in common with the writers.
#![allow(dead_code, reason = "each test file takes what it needs")]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use serde_json::Value;

/// A folder of its own for one test, emptied first.
pub fn folder(test: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("extract_outputs").join(test);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

pub fn extract(args: &[&str], folder: &Path) -> Output {
    command(args, folder).output().unwrap()
}

pub fn command(args: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slackwater"));
    command.arg("extract").args(args).current_dir(folder).stdin(Stdio::null());
    command
}

pub fn told(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// The names in a folder, hidden ones too.
pub fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A page as any format has it. `None` for the lists of a page that failed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    pub source: String,
    pub fields: Option<Vec<Vec<String>>>,
    pub error: Option<String>,
    pub note: Option<String>,
}

pub fn of_json(path: &Path, fields: &[&str]) -> Vec<Line> {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'), "{}", path.display());
    let string = |value: &Value| value.as_str().map(str::to_owned);
    let list = |value: &Value| value.as_array().unwrap().iter().map(|value| string(value).unwrap()).collect();
    text.lines()
        .map(|line| {
            let line: BTreeMap<String, Value> = serde_json::from_str(line).unwrap();
            let error = string(&line["error"]);
            Line {
                source: string(&line["source"]).unwrap(),
                fields: error.is_none().then(|| fields.iter().map(|name| list(&line["fields"][*name])).collect()),
                error,
                note: line.get("note").and_then(string),
            }
        })
        .collect()
}

pub fn of_parquet(path: &Path) -> Vec<Line> {
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    reader.get_row_iter(None).unwrap().map(|row| of_row(&row.unwrap())).collect()
}

fn of_row(row: &Row) -> Line {
    let cells: Vec<(&String, &Field)> = row.get_column_iter().collect();
    let text = |field: &Field| match field {
        Field::Str(text) => Some(text.clone()),
        Field::Null => None,
        other => panic!("{other:?} is no text"),
    };
    let list = |field: &Field| match field {
        Field::ListInternal(list) => Some(list.elements().iter().map(|value| text(value).unwrap()).collect()),
        Field::Null => None,
        other => panic!("{other:?} is no list"),
    };
    let last = cells.len();
    assert_eq!([cells[0].0, cells[last - 2].0, cells[last - 1].0], ["source", "error", "note"]);
    Line {
        source: text(cells[0].1).unwrap(),
        fields: cells[1..last - 2].iter().map(|(_, field)| list(field)).collect(),
        error: text(cells[last - 2].1),
        note: text(cells[last - 1].1),
    }
}

/// The records of a table, by RFC 4180 read literally.
pub fn records(bytes: &[u8], delimiter: u8) -> Vec<Vec<String>> {
    let mut records = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let mut record = Vec::new();
        loop {
            let mut cell = Vec::new();
            if bytes[at] == b'"' {
                at += 1;
                loop {
                    if bytes[at] != b'"' {
                        cell.push(bytes[at]);
                        at += 1;
                    } else if bytes.get(at + 1) == Some(&b'"') {
                        cell.push(b'"');
                        at += 2;
                    } else {
                        at += 1;
                        break;
                    }
                }
            } else {
                while ![delimiter, b'\n'].contains(&bytes[at]) {
                    assert!(!b"\"\r".contains(&bytes[at]), "a bare quote or CR");
                    cell.push(bytes[at]);
                    at += 1;
                }
            }
            record.push(String::from_utf8(cell).unwrap());
            at += 1;
            if bytes[at - 1] == b'\n' {
                break;
            }
            assert_eq!(bytes[at - 1], delimiter);
        }
        records.push(record);
    }
    records
}

/// What was joined, by the rule in `docs/extract.md`.
pub fn split(cell: &str, separator: char) -> Vec<String> {
    if cell.is_empty() {
        return Vec::new();
    }
    let mut values = vec![String::new()];
    let mut signs = cell.chars();
    while let Some(sign) = signs.next() {
        match sign {
            '\\' => values.last_mut().unwrap().extend(signs.next().filter(|sign| *sign != 'e')),
            sign if sign == separator => values.push(String::new()),
            sign => values.last_mut().unwrap().push(sign),
        }
    }
    values
}

/// The lines of a table whose lists were joined.
pub fn of_table(path: &Path, delimiter: u8, separator: char) -> Vec<Line> {
    let records = records(&fs::read(path).unwrap(), delimiter);
    let width = records[0].len();
    let some = |cell: &String| Some(cell.clone()).filter(|cell| !cell.is_empty());
    records[1..]
        .iter()
        .map(|record| {
            assert_eq!(record.len(), width);
            let error = some(&record[width - 2]);
            let lists = || record[1..width - 2].iter().map(|cell| split(cell, separator)).collect();
            let fields = error.is_none().then(lists);
            Line { source: record[0].clone(), fields, error, note: some(&record[width - 1]) }
        })
        .collect()
}
