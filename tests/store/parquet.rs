//! Parquet, read back by a reader of Parquet.

use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::{Field, Row};

use super::*;

/// The rows of an export, each as its fields by name.
fn rows(store: &Store, kind: ExportKind) -> Vec<Row> {
    let mut out = Vec::new();
    let export = Export { kind, format: ExportFormat::Parquet, since: None, until: None };
    let written = store.export(&export, &mut out).unwrap();
    let reader = SerializedFileReader::new(bytes(&out)).unwrap();
    let rows: Vec<Row> = reader.get_row_iter(None).unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(rows.len() as u64, written);
    rows
}

fn bytes(out: &[u8]) -> std::fs::File {
    use std::io::{Seek as _, Write as _};
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(out).unwrap();
    file.rewind().unwrap();
    file
}

fn field<'a>(row: &'a Row, name: &str) -> &'a Field {
    row.get_column_iter().find(|(known, _)| *known == name).unwrap().1
}

#[tokio::test]
async fn every_table_has_the_columns_of_its_csv_with_their_types() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Access::Daemon).unwrap();
    store.record(good("r0", 0), context(0)).await.unwrap();
    store.record(bad("r1", 60), context(60)).await.unwrap();
    let mut check = bad("r2", 120);
    check.kind = RunKind::Crawl;
    check.link_faults.push(LinkFault {
        text: "=1+1".into(),
        status: Some(404),
        ..LinkFault::new("http://a.cn/gone", LinkClass::NotFound)
    });
    store.record(check, context(120)).await.unwrap();
    for (name, kind) in ExportKind::ALL {
        let csv = exported(&store, kind, ExportFormat::Csv);
        let found = rows(&store, kind);
        if kind != ExportKind::Gaps {
            assert!(!found.is_empty(), "{name}");
            let names: Vec<String> = found[0].get_column_iter().map(|(name, _)| name.clone()).collect();
            assert_eq!(names.join(","), csv.lines().next().unwrap(), "{name}");
        }
    }
    let steps = rows(&store, ExportKind::Steps);
    assert_eq!(steps.len(), 9);
    assert_eq!(field(&steps[1], "step"), &Field::Str("搜索事项".into()));
    assert_eq!(field(&steps[1], "elapsed_ms"), &Field::Long(1234));
    assert_eq!(field(&steps[1], "started_at"), &Field::TimestampMicros(at(1).as_microsecond()));
    assert_eq!(field(&steps[1], "error"), &Field::Null);
    let [incident] = rows(&store, ExportKind::Incidents).try_into().unwrap();
    assert_eq!(field(&incident, "since"), &Field::TimestampMicros(at(61).as_microsecond()));
    assert_eq!(field(&incident, "closed_at"), &Field::Null);
    assert_eq!(field(&incident, "flapping"), &Field::Bool(false));
    let [fault] = rows(&store, ExportKind::LinkFaults).try_into().unwrap();
    assert_eq!(field(&fault, "text"), &Field::Str("=1+1".into()), "no spreadsheet will read it");
    assert_eq!(field(&fault, "status"), &Field::Long(404));
}
