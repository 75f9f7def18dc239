//! What becomes of messages that cannot be delivered, and of floods.
//!
//! Invariants: that a message was given up and that the others hear of it is one transaction; so is
//! the message that tells many things and the state of those that it stands for.

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::error::StoreError;
use super::rows::{self, json, maybe_at, micros, to_json, uint};
use super::stuck;
use super::tell::fresh_id;
use crate::domain::ids::IncidentId;
use crate::domain::notice::{Matter, Notice, Recipient};
use crate::judge::delivery::{self, ONCE_IN, Relief, WINDOW};
use crate::judge::stuck::is_news;
use crate::plan::Plan;

/// Marks a message as given up and tells the other recipients of its notice, once a day for each
/// person; news of an incident that nobody else was told of goes to those who are told of its like, each
/// time. Returns who is told.
pub(super) fn give_up(
    tx: &Transaction<'_>,
    id: i64,
    at: Timestamp,
    error: &str,
    plan: &Plan,
) -> Result<Vec<Recipient>, StoreError> {
    if rows::outbox::failed(tx, id, error)? { tell(tx, id, at, error, plan) } else { Ok(Vec::new()) }
}

fn tell(
    tx: &Transaction<'_>,
    id: i64,
    at: Timestamp,
    error: &str,
    plan: &Plan,
) -> Result<Vec<Recipient>, StoreError> {
    let (failed, to, attempts): (Notice, Recipient, u32) = tx.query_row(
        "SELECT notice.notice AS notice, recipient, attempts
         FROM outbox JOIN notices AS notice ON notice.id = outbox.notice WHERE outbox.id = ?1",
        [id],
        |row| Ok((json(row, "notice")?, row.get::<_, String>("recipient")?.into(), row.get("attempts")?)),
    )?;
    let day_ago = at.checked_sub(ONCE_IN).unwrap_or(Timestamp::MIN);
    let lately = tx
        .prepare_cached(
            "SELECT 1 FROM notices WHERE kind = 'undeliverable' AND created_at > ?1
                 AND json_extract(notice, '$.undeliverable.to') = ?2
                 -- That it waited is not that it was given up.
                 AND json_extract(notice, '$.undeliverable.waiting') IS NULL
                 AND json_extract(notice, '$.undeliverable.unheard') IS NULL",
        )?
        .exists(params![micros(day_ago), to.to_string()])?;
    let mut others = others(tx, &failed, &to)?;
    let alone = others.is_empty() && is_news(failed.kind);
    if alone {
        others.extend(delivery::at_once(&failed, plan).filter(|other| **other != to).cloned());
        others.sort();
        others.dedup();
    }
    // That an address is dead is told once a day; of an outage that nobody knows, each time.
    if others.is_empty() || (lately && !alone) {
        return Ok(Vec::new());
    }
    let id = fresh_id(at).as_str().into();
    let Some(notice) = delivery::undeliverable(id, &failed, &to, (error, attempts), alone, at) else {
        return Ok(Vec::new());
    };
    rows::incident::queue(tx, &notice, &others)?;
    Ok(others)
}

/// Who else was told the same, and was not given up as well.
pub(super) fn others(tx: &Connection, failed: &Notice, to: &Recipient) -> Result<Vec<Recipient>, StoreError> {
    // What tells of many incidents has one recipient; the others are those of the incidents.
    let incidents: Vec<&IncidentId> = match &failed.matter {
        Matter::Digest(facts) => facts.incidents.iter().map(|member| &member.incident).collect(),
        _ => Vec::new(),
    };
    let mut found = tx.prepare_cached(
        "SELECT DISTINCT recipient FROM outbox AS one
         WHERE notice IN (SELECT ?1 UNION SELECT id FROM notices
                 WHERE incident IN (SELECT value FROM json_each(?2)))
             AND recipient <> ?3
             AND NOT EXISTS (SELECT 1 FROM outbox AS other
                 WHERE other.notice = ?1 AND other.recipient = one.recipient AND other.state = 'failed')
         ORDER BY one.id",
    )?;
    let incidents = to_json("incidents", &incidents)?;
    let rows = found.query_map(params![failed.id.as_str(), incidents, to.to_string()], |row| {
        Ok(row.get::<_, String>(0)?.into())
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The messages that wait for one person, and what he got lately.
struct Queue {
    recipient: String,
    /// Those that can be told together, oldest first.
    waiting: Vec<(i64, Notice)>,
    relief: Relief,
}

/// Whether more waits for anybody than he could read.
pub(super) fn is_crowded(connection: &Connection, now: Timestamp, busy: &[i64]) -> Result<bool, StoreError> {
    Ok(queues(connection, now, busy)?.iter().any(|queue| queue.relief != Relief::Nothing))
}

/// Puts together what is too much; returns how many messages that changed.
pub(super) fn relieve(
    connection: &mut Connection,
    now: Timestamp,
    busy: &[i64],
) -> Result<usize, StoreError> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut changed = 0;
    for queue in queues(&tx, now, busy)? {
        match queue.relief {
            Relief::Nothing => {}
            Relief::Hold(room, until) => {
                let mut hold = tx.prepare_cached(
                    "UPDATE outbox SET next_try_at = ?2 WHERE id = ?1 AND next_try_at < ?2",
                )?;
                for (id, _) in &queue.waiting[room..] {
                    changed += hold.execute(params![id, micros(until)])?;
                }
            }
            Relief::Bundle(room) => {
                let rest = &queue.waiting[room..];
                let notices: Vec<Notice> = rest.iter().map(|(_, notice)| notice.clone()).collect();
                let id = fresh_id(now).as_str().into();
                let Some(flood) = delivery::flood(id, &notices, now) else { continue };
                let mut bundle = tx.prepare_cached("UPDATE outbox SET state = 'bundled' WHERE id = ?1")?;
                for (id, _) in rest {
                    changed += bundle.execute([id])?;
                }
                rows::incident::queue(&tx, &flood, &[queue.recipient.as_str().into()])?;
                let ids: Vec<i64> = rest.iter().map(|(id, _)| *id).collect();
                stuck::carry_over(&tx, &ids, &flood.id)?;
            }
        }
    }
    tx.commit()?;
    Ok(changed)
}

fn queues(connection: &Connection, now: Timestamp, busy: &[i64]) -> Result<Vec<Queue>, StoreError> {
    let since = now.checked_sub(WINDOW).unwrap_or(Timestamp::MIN);
    let mut people = connection.prepare_cached(
        "SELECT recipient, count(*) AS waiting,
                (SELECT count(*) FROM outbox AS gone JOIN notices ON notices.id = gone.notice
                 WHERE gone.state = 'sent' AND gone.recipient = outbox.recipient AND gone.sent_at > ?1
                     AND notices.kind IN ('opened', 'worsened', 'flapping', 'reminder', 'escalated', 'resolved'))
                    AS sent
         FROM outbox WHERE state = 'pending' GROUP BY recipient ORDER BY recipient",
    )?;
    let people = people.query_map([micros(since)], |row| {
        Ok((row.get::<_, String>("recipient")?, uint(row, "waiting")?, uint(row, "sent")?))
    })?;
    let mut queues = Vec::new();
    for person in people {
        let (recipient, waiting, sent) = person?;
        let sent = usize::try_from(sent).unwrap_or(usize::MAX);
        let waiting = usize::try_from(waiting).unwrap_or(usize::MAX);
        // Hardly ever is there more to look at than this.
        if waiting.saturating_add(sent) > delivery::ROOM {
            queues.push(queue(connection, recipient, sent, now, busy)?);
        }
    }
    Ok(queues)
}

fn queue(
    connection: &Connection,
    recipient: String,
    sent: usize,
    now: Timestamp,
    busy: &[i64],
) -> Result<Queue, StoreError> {
    let mut found = connection.prepare_cached(
        "SELECT outbox.id AS id, notices.notice AS notice, next_try_at
         FROM outbox JOIN notices ON notices.id = outbox.notice
         WHERE state = 'pending' AND recipient = ?1 ORDER BY outbox.id",
    )?;
    let rows = found
        .query_map([&recipient], |row| Ok((row.get::<_, i64>("id")?, json::<Notice>(row, "notice")?)))?;
    let (mut waiting, mut going) = (Vec::new(), sent);
    for row in rows {
        let (id, notice) = row?;
        match (delivery::bundles(&notice), busy.contains(&id)) {
            (true, true) => going += 1,
            (true, false) => waiting.push((id, notice)),
            (false, _) => {}
        }
    }
    let flooded_at = connection.query_row(
        "SELECT max(created_at) AS at FROM outbox JOIN notices ON notices.id = outbox.notice
         WHERE recipient = ?1 AND kind = 'flood'",
        [&recipient],
        |row| maybe_at(row, "at"),
    )?;
    let relief = delivery::relief(waiting.len(), going, flooded_at, now);
    Ok(Queue { recipient, waiting, relief })
}

#[cfg(test)]
impl super::Store {
    /// Queues a notice that is about no incident.
    pub(crate) async fn queue_alone(&self, notice: Notice, to: Vec<Recipient>) {
        let job = move |connection: &mut Connection| {
            let tx = connection.transaction()?;
            rows::incident::queue(&tx, &notice, &to)?;
            Ok(tx.commit()?)
        };
        self.write(job).await.unwrap();
    }
}

#[cfg(test)]
mod tests;
