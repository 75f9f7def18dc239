//! The table of faults: what the documentation says is what is tested.

/// Every row of the table in `docs/reliability.md` names tests that are there, and every test of the
/// campaign stands in a row.
#[test]
fn the_table_of_faults_names_every_test_and_no_other() {
    let page = include_str!("../../docs/reliability.md");
    let rows = page.split("<!-- faults -->").nth(1).expect("the table between its marks");
    let sources = [
        ("clock", include_str!("clock.rs")),
        ("disk", include_str!("disk.rs")),
        ("input", include_str!("input.rs")),
        ("limits", include_str!("limits.rs")),
        ("network", include_str!("network.rs")),
        ("pages", include_str!("pages.rs")),
        ("post", include_str!("post.rs")),
        ("processes", include_str!("processes.rs")),
    ];
    let mut tests: Vec<String> = Vec::new();
    for (module, source) in sources {
        for part in source.split("#[tokio::test]").skip(1) {
            let name = part.split("async fn ").nth(1).unwrap().split('(').next().unwrap();
            tests.push(format!("{module}::{name}"));
        }
    }
    assert!(tests.len() > 20, "{tests:?}");
    let named: Vec<&str> =
        rows.split('`').filter(|word| word.contains("::") && !word.contains(' ')).collect();
    let missing: Vec<_> = tests.iter().filter(|test| !named.contains(&test.as_str())).collect();
    assert!(missing.is_empty(), "tests that no row names: {missing:?}");
    let unknown: Vec<_> = named.iter().filter(|name| !tests.iter().any(|test| test == *name)).collect();
    assert!(unknown.is_empty(), "rows that name no test: {unknown:?}");
}
