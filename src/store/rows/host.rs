//! What is remembered of hosts.

use jiff::civil::Date;
use rusqlite::{Connection, OptionalExtension as _, named_params};

use super::{int, maybe_at, micros, uint, word};
use crate::domain::host::{HostMemory, RobotsCopy};
use crate::store::error::StoreError;

/// Reads what is remembered of a host.
pub(in crate::store) fn find(connection: &Connection, host: &str) -> Result<Option<HostMemory>, StoreError> {
    let mut found = connection.prepare_cached(
        "SELECT host, robots, robots_at, day, requests, cool_until, cool_reason FROM hosts WHERE host = ?1",
    )?;
    let memory = found.query_row([host], |row| {
        let body: Option<Vec<u8>> = row.get("robots")?;
        let robots = body.zip(maybe_at(row, "robots_at")?);
        Ok(HostMemory {
            host: row.get("host")?,
            robots: robots.map(|(body, fetched_at)| RobotsCopy { body, fetched_at }),
            day: word(row, "day", |text| text.parse::<Date>().ok())?,
            requests: u32::try_from(uint(row, "requests")?).unwrap_or(u32::MAX),
            cool_until: maybe_at(row, "cool_until")?,
            cool_reason: row.get::<_, Option<String>>("cool_reason")?.unwrap_or_default(),
        })
    });
    Ok(memory.optional()?)
}

/// Keeps what is known of a host, beside what another process kept meanwhile: the newer robots.txt,
/// the newer day with the larger count, and the later end of a cool-down win.
pub(in crate::store) fn keep(connection: &Connection, memory: &HostMemory) -> Result<(), StoreError> {
    let robots = memory.robots.as_ref();
    connection
        .prepare_cached(
            "INSERT INTO hosts (host, robots, robots_at, day, requests, cool_until, cool_reason)
             VALUES (:host, :robots, :robots_at, :day, :requests, :cool_until, :cool_reason)
             ON CONFLICT (host) DO UPDATE SET
                 robots = iif(excluded.robots_at >= ifnull(hosts.robots_at, excluded.robots_at),
                     excluded.robots, hosts.robots),
                 robots_at = iif(excluded.robots_at >= ifnull(hosts.robots_at, excluded.robots_at),
                     excluded.robots_at, hosts.robots_at),
                 requests = CASE WHEN excluded.day > hosts.day THEN excluded.requests
                     WHEN excluded.day = hosts.day THEN max(excluded.requests, hosts.requests)
                     ELSE hosts.requests END,
                 day = max(excluded.day, hosts.day),
                 cool_reason = iif(excluded.cool_until > ifnull(hosts.cool_until, excluded.cool_until - 1),
                     excluded.cool_reason, hosts.cool_reason),
                 cool_until = iif(excluded.cool_until > ifnull(hosts.cool_until, excluded.cool_until - 1),
                     excluded.cool_until, hosts.cool_until)",
        )?
        .execute(named_params! {
            ":host": memory.host,
            ":robots": robots.map(|robots| &robots.body),
            ":robots_at": robots.map(|robots| micros(robots.fetched_at)),
            ":day": memory.day.to_string(),
            ":requests": int(memory.requests.into()),
            ":cool_until": memory.cool_until.map(micros),
            ":cool_reason": memory.cool_until.map(|_| &memory.cool_reason),
        })?;
    Ok(())
}
