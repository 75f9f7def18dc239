//! Server-side sessions: what a visitor has filled in so far.
//!
//! Invariant: bounded. At most [`MOST`] sessions, each of at most [`FIELDS`] short texts; the one
//! that was not used for longest goes first. A session id that we did not hand out is never
//! adopted.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use super::city::City;

/// How many sessions are kept.
pub(super) const MOST: usize = 512;
/// How many fields a session keeps.
const FIELDS: usize = 64;
/// How many characters of a field are kept.
const LONGEST: usize = 200;

/// What one visitor of one city has done.
#[derive(Debug, Clone, Default)]
pub(super) struct Session {
    /// Form fields by name; several values are joined by `、`.
    pub fields: BTreeMap<String, String>,
    /// How many pages of the form are complete.
    pub pages_done: u8,
    /// The receipt's number, once the form was handed in.
    pub receipt: Option<String>,
    /// When it was handed in.
    pub received_at: Option<jiff::Timestamp>,
    /// The demo account, once signed in.
    pub user: Option<String>,
    /// Whether the face check was passed.
    pub face: bool,
    used: u64,
}

impl Session {
    /// Keeps a field, cut to size. A session that is full keeps only fields that it has.
    pub(super) fn put(&mut self, name: &str, value: &str) {
        if self.fields.len() < FIELDS || self.fields.contains_key(name) {
            let value = value.trim().chars().filter(|c| !c.is_control()).take(LONGEST).collect();
            self.fields.insert(name.chars().take(LONGEST).collect(), value);
        }
    }

    /// A field, empty when it was not filled in.
    pub(super) fn get(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

/// Every session.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    by_id: HashMap<(City, Uuid), Session>,
    ticks: u64,
}

impl Sessions {
    /// The session with this id, or a new one under a fresh id.
    pub(super) fn open(&mut self, city: City, id: Option<Uuid>) -> (Uuid, &mut Session) {
        self.ticks += 1;
        let id = match id {
            Some(id) if self.by_id.contains_key(&(city, id)) => id,
            _ => {
                self.make_room();
                Uuid::now_v7()
            }
        };
        let session = self.by_id.entry((city, id)).or_default();
        session.used = self.ticks;
        (id, session)
    }

    /// A copy of the session with this id.
    pub(super) fn find(&mut self, city: City, id: Uuid) -> Option<Session> {
        self.ticks += 1;
        let session = self.by_id.get_mut(&(city, id))?;
        session.used = self.ticks;
        Some(session.clone())
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    fn make_room(&mut self) {
        while self.by_id.len() >= MOST {
            let Some(oldest) = self.by_id.iter().min_by_key(|(_, s)| s.used).map(|(id, _)| *id) else {
                return;
            };
            self.by_id.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_bounded_and_the_least_used_goes_first() {
        let mut sessions = Sessions::default();
        let (first, session) = sessions.open(City::Shifan, None);
        session.put("company", "甲");
        let (second, _) = sessions.open(City::Shifan, None);
        for _ in 0..MOST - 2 {
            sessions.open(City::Shifan, None);
        }
        sessions.open(City::Shifan, Some(first));
        sessions.open(City::Shifan, None);
        assert_eq!(sessions.len(), MOST);
        assert_eq!(sessions.open(City::Shifan, Some(first)).1.get("company"), "甲");
        assert_ne!(sessions.open(City::Shifan, Some(second)).0, second, "it was the least used");
    }

    #[test]
    fn a_foreign_id_is_not_adopted_and_a_city_does_not_see_anothers() {
        let mut sessions = Sessions::default();
        let foreign = Uuid::now_v7();
        assert_ne!(sessions.open(City::Shifan, Some(foreign)).0, foreign);
        let (id, _) = sessions.open(City::Shifan, None);
        assert_ne!(sessions.open(City::Linhai, Some(id)).0, id);
    }

    #[test]
    fn fields_are_cut_and_counted() {
        let mut session = Session::default();
        session.put("long", &"药".repeat(1000));
        assert_eq!(session.get("long").chars().count(), LONGEST);
        for i in 0..200 {
            session.put(&i.to_string(), "x");
        }
        assert_eq!(session.fields.len(), FIELDS);
    }
}
