//! Views for people who open the database in their own tools: made anew whenever the database is
//! opened for writing and they are not as `views.sql` has them.
//!
//! Invariant: nothing in this program reads them, so they may stay as they are when tables change.

use rusqlite::{Connection, TransactionBehavior};

use super::error::StoreError;

const SQL: &str = include_str!("views.sql");

/// The statements of the file, without their semicolons.
fn statements() -> impl Iterator<Item = &'static str> {
    SQL.split(';').filter_map(|part| part.find("CREATE VIEW").map(|start| part[start..].trim_end()))
}

/// Makes the views unless they are there as they should be.
pub(super) fn make(connection: &Connection) -> Result<(), StoreError> {
    if stored(connection)?.iter().map(|(_, sql)| sql.as_str()).eq(statements()) {
        return Ok(());
    }
    let tx = rusqlite::Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    drop_all(&tx)?;
    for statement in statements() {
        tx.execute_batch(statement)?;
    }
    Ok(tx.commit()?)
}

/// Drops our views; those of others stay.
pub(super) fn drop_all(connection: &Connection) -> Result<(), StoreError> {
    for (name, _) in stored(connection)? {
        connection.execute_batch(&format!("DROP VIEW \"{name}\""))?;
    }
    Ok(())
}

/// Our views by name, with their text, in the order in which they were made.
fn stored(connection: &Connection) -> Result<Vec<(String, String)>, StoreError> {
    let mut found = connection.prepare(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'view' AND name GLOB 'v_*' ORDER BY rowid",
    )?;
    let rows = found.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_views_are_those_of_the_documentation_and_can_be_read() {
        let dir = tempfile::tempdir().unwrap();
        drop(crate::store::Store::open(dir.path(), crate::store::Access::Command).unwrap());
        let connection = Connection::open(dir.path().join(crate::store::DATABASE)).unwrap();
        let page = include_str!("../../docs/data.md");
        let told: Vec<(String, Vec<String>)> = page
            .lines()
            .filter_map(|line| line.strip_prefix("| `v_"))
            .map(|row| {
                let mut cells = row.split('|');
                let name = format!("v_{}", cells.next().unwrap().trim().trim_end_matches('`'));
                let columns = cells.next().unwrap().split('`').skip(1).step_by(2).map(str::to_owned);
                (name, columns.collect())
            })
            .collect();
        let made: Vec<(String, Vec<String>)> = stored(&connection)
            .unwrap()
            .into_iter()
            .map(|(name, _)| {
                let query = connection.prepare(&format!("SELECT * FROM {name}")).unwrap();
                let columns = query.column_names().iter().map(|&name| name.to_owned()).collect();
                (name, columns)
            })
            .collect();
        assert_eq!(made, told);
        for (name, _) in made {
            let count: i64 =
                connection.query_row(&format!("SELECT count(*) FROM {name}"), [], |row| row.get(0)).unwrap();
            assert_eq!(count, 0, "{name}");
        }
        // A user's own view is his.
        connection.execute_batch("DROP VIEW v_runs; CREATE VIEW mine AS SELECT 1").unwrap();
        make(&connection).unwrap();
        assert_eq!(stored(&connection).unwrap().len(), told.len());
        connection.prepare("SELECT * FROM mine").unwrap();
    }
}
