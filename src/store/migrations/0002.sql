-- Mails that nobody needs any more: a reminder that waited until a newer one, or the recovery, was
-- written is `superseded`. A CHECK cannot be changed in place, so the table is made anew.

CREATE TABLE outbox_new (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    notice      TEXT    NOT NULL REFERENCES notices (id),
    recipient   TEXT    NOT NULL,
    state       TEXT    NOT NULL CHECK (state IN ('pending', 'sent', 'failed', 'superseded')),
    attempts    INTEGER NOT NULL,
    next_try_at INTEGER NOT NULL,
    sent_at     INTEGER,
    error       TEXT,
    UNIQUE (notice, recipient)
) STRICT;
INSERT INTO outbox_new (id, notice, recipient, state, attempts, next_try_at, sent_at, error)
    SELECT id, notice, recipient, state, attempts, next_try_at, sent_at, error FROM outbox;
DROP TABLE outbox;
ALTER TABLE outbox_new RENAME TO outbox;
CREATE INDEX outbox_due ON outbox (next_try_at) WHERE state = 'pending';
-- Few mails wait; of those, the earlier ones of the same thread are looked for.
CREATE INDEX outbox_waiting ON outbox (recipient, id) WHERE state = 'pending';

-- What waits already is held to the same rule.
UPDATE outbox SET state = 'superseded'
WHERE state = 'pending'
    AND notice IN (
        SELECT notices.id FROM notices JOIN incidents ON incidents.id = notices.incident
        WHERE kind = 'reminder' AND closed_at IS NOT NULL
    );
