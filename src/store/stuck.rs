//! What waits too long for somebody, told to others.
//!
//! Invariant: the notice and the mark on every message that it speaks for are one transaction, so that
//! it is told once, whatever the power does.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, params};

use super::error::StoreError;
use super::rows::{self, at, json, maybe_at, micros, to_json};
use super::tell::{JudgeContext, fresh_id};
use super::worker::Sync;
use super::{Store, Weight, delivery};
use crate::domain::ids::NoticeId;
use crate::domain::notice::Recipient;
use crate::judge::stuck::{Outbox, Stuck, Waiting, is_urgent, stuck};
use crate::plan::Plan;

impl Store {
    /// Tells others what waits too long for somebody, once; answers what was told now, and for whom there
    /// is nobody to tell. [`None`] when nothing waits too long of which nobody heard. Call it every few
    /// seconds.
    pub async fn tell_stuck(&self, context: JudgeContext) -> Result<Option<Vec<Stuck>>, StoreError> {
        let (plan, now) = (std::sync::Arc::clone(&context.plan), context.now);
        // Most of the time there is nothing, and nothing needs no turn of the writer.
        if !self.read(move |connection| is_any(connection, &plan, now)).await? {
            return Ok(None);
        }
        self.join(Weight::Small, Sync::Disk, move |tx| tell(tx, &context).map(Some)).await
    }
}

/// Whether a message waits too long of which nobody else heard.
fn is_any(connection: &Connection, plan: &Plan, now: Timestamp) -> Result<bool, StoreError> {
    let until = now.checked_sub(plan.stuck_after()).unwrap_or(Timestamp::MIN);
    let mut found = connection.prepare_cached(
        "SELECT 1 FROM outbox JOIN notices ON notices.id = outbox.notice
         WHERE state = 'pending' AND told_elsewhere_at IS NULL AND created_at <= ?1
             AND kind NOT IN ('digest', 'heartbeat', 'undeliverable', 'test')
             AND EXISTS (SELECT 1 FROM outbox AS failed WHERE failed.state = 'pending'
                 AND failed.recipient = outbox.recipient AND failed.attempts > 0)
         LIMIT 1",
    )?;
    Ok(found.exists([micros(until)])?)
}

fn tell(tx: &Transaction<'_>, context: &JudgeContext) -> Result<Vec<Stuck>, StoreError> {
    let waiting = waiting(tx)?;
    let oldest = waiting.iter().map(|message| message.notice.created_at).min().unwrap_or(context.now);
    let outbox = Outbox {
        last: last(tx, &waiting)?,
        mail_works: mail_works(tx, oldest)?,
        now: context.now,
        waiting: &waiting,
    };
    let found = stuck(&outbox, &context.plan);
    for one in found.iter().filter(|one| one.known || !one.to.is_empty()) {
        tx.prepare_cached(
            "UPDATE outbox SET told_elsewhere_at = ?2 WHERE id IN (SELECT value FROM json_each(?1))",
        )?
        .execute(params![to_json("messages", &one.messages)?, micros(context.now)])?;
        let notice = outbox.notice(NoticeId::new(fresh_id(context.now)), one);
        if let Some(notice) = notice.filter(|_| !one.to.is_empty()) {
            rows::incident::queue(tx, &notice, &one.to)?;
        }
    }
    Ok(found)
}

/// Everything that waits, oldest first.
fn waiting(tx: &Connection) -> Result<Vec<Waiting>, StoreError> {
    let mut found = tx.prepare_cached(
        "SELECT outbox.id AS id, recipient, notices.notice AS notice, attempts, next_try_at, error,
                told_elsewhere_at IS NOT NULL AS told
         FROM outbox JOIN notices ON notices.id = outbox.notice
         WHERE state = 'pending' ORDER BY outbox.id",
    )?;
    let rows = found.query_map([], |row| {
        Ok(Waiting {
            id: row.get("id")?,
            to: row.get::<_, String>("recipient")?.into(),
            notice: json(row, "notice")?,
            attempts: row.get("attempts")?,
            next_try_at: at(row, "next_try_at")?,
            error: row.get("error")?,
            told: row.get("told")?,
            others: Vec::new(),
        })
    })?;
    let mut waiting: Vec<Waiting> = rows.collect::<Result<_, _>>()?;
    for message in &mut waiting {
        if !message.told && is_urgent(message.notice.kind) {
            message.others = delivery::others(tx, &message.notice, &message.to)?;
        }
    }
    Ok(waiting)
}

/// When others last heard what waits for these people.
fn last(tx: &Connection, waiting: &[Waiting]) -> Result<BTreeMap<Recipient, Timestamp>, StoreError> {
    let mut found = tx.prepare_cached(
        "SELECT max(told_elsewhere_at) AS at FROM outbox
         WHERE recipient = ?1 AND told_elsewhere_at IS NOT NULL",
    )?;
    let mut last = BTreeMap::new();
    for message in waiting {
        if !last.contains_key(&message.to)
            && let Some(at) = found.query_row([message.to.to_string()], |row| maybe_at(row, "at"))?
        {
            last.insert(message.to.clone(), at);
        }
    }
    Ok(last)
}

/// Whether the mail server took any mail since.
fn mail_works(tx: &Connection, since: Timestamp) -> Result<bool, StoreError> {
    // By an index that holds nothing else than what was sent.
    let mut found = tx.prepare_cached(
        "SELECT 1 FROM outbox WHERE state = 'sent' AND sent_at >= ?1 AND recipient NOT LIKE 'hook:%' LIMIT 1",
    )?;
    Ok(found.exists([micros(since)])?)
}

/// What stands for messages of which others heard already needs no telling either.
pub(super) fn carry_over(tx: &Connection, from: &[i64], to: &NoticeId) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE outbox SET told_elsewhere_at =
             (SELECT CASE WHEN count(*) = count(told_elsewhere_at) THEN max(told_elsewhere_at) END
              FROM outbox WHERE id IN (SELECT value FROM json_each(?1)))
         WHERE notice = ?2",
    )?
    .execute(params![to_json("messages", &from)?, to.as_str()])?;
    Ok(())
}
