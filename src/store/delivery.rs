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
    if !rows::outbox::failed(tx, id, error)? {
        return Ok(Vec::new());
    }
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
    let unheard = unheard(tx, &failed, &to)?;
    let alone = (others.is_empty() || !unheard.is_empty()) && is_news(failed.kind);
    // Of what others know there is no need to say that nobody was told of it.
    let failed = if others.is_empty() || !alone { failed } else { delivery::only(&failed, &unheard) };
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

/// That the row `one` of the outbox reaches its recipient, or may still: what was put together with others
/// does when the message that told them was not given up.
const REACHES: &str = "(one.state IN ('pending', 'sent') OR (one.state = 'bundled' AND NOT EXISTS (
     SELECT 1 FROM outbox AS flood JOIN notices AS many ON many.id = flood.notice
     WHERE flood.state = 'failed' AND flood.recipient = one.recipient
         AND many.kind = 'flood' AND many.created_at = one.next_try_at)))";

/// Who else was told the same, and was not given up as well.
pub(super) fn others(tx: &Connection, failed: &Notice, to: &Recipient) -> Result<Vec<Recipient>, StoreError> {
    // What tells of many incidents has one recipient; the others are those of the incidents.
    let sql = format!(
        "WITH member AS MATERIALIZED (SELECT value AS id FROM json_each(?2)),
             told AS MATERIALIZED (SELECT ?1 AS id UNION SELECT id FROM notices WHERE incident IN (
                 SELECT id FROM member UNION
                 SELECT parent FROM incidents WHERE id IN (SELECT id FROM member)))
         SELECT DISTINCT recipient FROM outbox AS one
         WHERE notice IN (SELECT id FROM told) AND recipient <> ?3
             AND ({REACHES} OR (one.notice = ?1 AND one.state = 'superseded'))
         ORDER BY one.id"
    );
    let mut found = tx.prepare_cached(&sql)?;
    let incidents = to_json("incidents", &gathered(tx, failed, to, false)?)?;
    let rows = found.query_map(params![failed.id.as_str(), incidents, to.to_string()], |row| {
        Ok(row.get::<_, String>(0)?.into())
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The incidents that last, of which this message, which tells of many, has news, and of which nobody else
/// was told.
fn unheard(tx: &Connection, failed: &Notice, to: &Recipient) -> Result<Vec<IncidentId>, StoreError> {
    let sql = format!(
        "SELECT id FROM incidents
         WHERE closed_at IS NULL AND scope <> 'wave' AND id IN (SELECT value FROM json_each(?1))
             AND NOT EXISTS (SELECT 1 FROM notices AS told JOIN outbox AS one ON one.notice = told.id
                 WHERE told.incident IN (incidents.id, incidents.parent) AND one.recipient <> ?2
                     AND {REACHES})
         ORDER BY since, id"
    );
    let mut found = tx.prepare_cached(&sql)?;
    let incidents = to_json("incidents", &gathered(tx, failed, to, true)?)?;
    let rows = found
        .query_map(params![incidents, to.to_string()], |row| Ok(row.get::<_, String>(0)?.as_str().into()))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The incidents of a message that tells of many, more than it names, with those for which they speak:
/// all, or those of which it has news.
fn gathered(
    tx: &Connection,
    flood: &Notice,
    to: &Recipient,
    news: bool,
) -> Result<Vec<IncidentId>, StoreError> {
    let Matter::Digest(facts) = &flood.matter else { return Ok(Vec::new()) };
    let mut found = tx.prepare_cached(
        "WITH inside AS (
             SELECT told.incident AS id FROM outbox JOIN notices AS told ON told.id = outbox.notice
             WHERE recipient = ?1 AND state = 'bundled' AND next_try_at = ?2
                 AND (NOT ?3 OR told.kind NOT IN ('reminder', 'resolved')))
         SELECT id FROM incidents WHERE id IN inside OR parent IN inside",
    )?;
    let written = params![to.to_string(), micros(flood.created_at), news];
    let rows = found.query_map(written, |row| Ok(row.get::<_, String>(0)?.as_str().into()))?;
    let mut incidents: Vec<IncidentId> = rows.collect::<Result<_, _>>()?;
    if !news {
        incidents.extend(facts.incidents.iter().map(|member| member.incident.clone()));
    }
    Ok(incidents)
}

/// The messages that wait for one person, and what he got lately.
struct Queue {
    recipient: String,
    /// Those that can be told together, oldest first.
    waiting: Vec<(i64, Notice)>,
    /// Those that are on their way.
    going: Vec<Notice>,
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
                let waiting: Vec<&Notice> = queue.waiting.iter().map(|(_, notice)| notice).collect();
                let rest: Vec<&(i64, Notice)> = delivery::bundled(&waiting, &queue.going, room)
                    .into_iter()
                    .filter_map(|at| queue.waiting.get(at))
                    .collect();
                let notices: Vec<Notice> = rest.iter().map(|(_, notice)| notice.clone()).collect();
                let id = fresh_id(now).as_str().into();
                let Some(flood) = delivery::flood(id, &notices, now) else { continue };
                // The time says in which message it is told.
                let mut bundle =
                    tx.prepare_cached("UPDATE outbox SET state = 'bundled', next_try_at = ?2 WHERE id = ?1")?;
                for (id, _) in &rest {
                    changed += bundle.execute(params![id, micros(flood.created_at)])?;
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
                 WHERE gone.state = 'sent' AND gone.recipient = outbox.recipient
                     AND gone.sent_at > ?1 AND gone.sent_at <= ?2
                     AND notices.kind IN ('opened', 'worsened', 'flapping', 'reminder', 'escalated', 'resolved'))
                    AS sent
         FROM outbox WHERE state = 'pending' GROUP BY recipient ORDER BY recipient",
    )?;
    let people = people.query_map([micros(since), micros(now)], |row| {
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
    let (mut waiting, mut going) = (Vec::new(), Vec::new());
    for row in rows {
        let (id, notice) = row?;
        match (delivery::bundles(&notice), busy.contains(&id)) {
            (true, true) => going.push(notice),
            (true, false) => waiting.push((id, notice)),
            (false, _) => {}
        }
    }
    let flooded_at = connection.query_row(
        "SELECT max(created_at) AS at FROM outbox JOIN notices ON notices.id = outbox.notice
         WHERE recipient = ?1 AND kind = 'flood' AND created_at <= ?2",
        params![recipient, micros(now)],
        |row| maybe_at(row, "at"),
    )?;
    let relief = delivery::relief(waiting.len(), sent + going.len(), flooded_at, now);
    Ok(Queue { recipient, waiting, going, relief })
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
