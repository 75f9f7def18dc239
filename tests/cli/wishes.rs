//! What people ask for on the command line: to take an incident on, and that nobody be told for a while.

use super::*;

#[test]
fn an_incident_is_taken_on_once_and_the_list_says_by_whom() {
    let folder = folder(HOME);
    let folder = folder.path();
    let (code, _, err) = run(folder, &["run", "--probe", "home"]);
    assert_eq!(code, Some(1), "{err}");
    let database = rusqlite::Connection::open(folder.join("data/shopper.db")).unwrap();
    database
        .execute_batch(
            "INSERT INTO incidents (id, concern, severity, scope, shared, parent, flapping, probe, target, since,
                     opened_at, reminders, thread, outcome, step, settled)
                 VALUES ('w1', 'outage', 'outage', 'wave', '{\"region\":\"西南\"}', NULL, 0, '', '', 0, 0, 0, '<w1@x>',
                     'unreachable', '打开首页', 0),
                 ('i1', 'outage', 'degraded', 'pair', NULL, 'w1', 1, 'home', 'here', 0, 0, 0, '<i1@x>',
                     'unreachable', '打开首页', 0);",
        )
        .unwrap();
    let (code, out, err) = run(folder, &["incidents"]);
    assert_eq!(code, Some(0), "{err}");
    let rows: Vec<&str> = out.lines().filter(|line| line.contains("lasts still")).collect();
    assert!(rows[0].contains("many of 西南") && rows[0].contains("w1"), "{out}");
    assert!(rows[1].contains("└ 本机") && rows[1].contains("outage, degraded, comes and goes"), "{out}");

    let (code, out, err) = run(folder, &["ack", "i1", "--by", "李\u{1b}[31m", "--note", "on my way"]);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("本机 (home): it is yours, 李 [31m."), "{out}");
    let (code, out, _) = run(folder, &["ack", "i1", "--by", "wang"]);
    assert_eq!(code, Some(0));
    assert!(out.contains("took it on already"), "{out}");
    let (_, out, _) = run(folder, &["ack", "i1", "--by", "wang", "--format", "json"]);
    assert_eq!(json(&out)["acknowledged"]["note"], "on my way", "{out}");
    let (_, out, _) = run(folder, &["incidents"]);
    assert!(out.contains("李 [31m") && !out.contains('\u{1b}'), "{out}");
    let (code, _, err) = run(folder, &["ack", "i2", "--by", "wang"]);
    assert_eq!(code, Some(2));
    assert!(err.contains("there is no incident `i2`") && err.contains("w1, i1"), "{err}");
    let (code, _, err) = run(folder, &["ack", "i1", "--by", " "]);
    assert_eq!(code, Some(2));
    assert!(err.contains("--by NAME"), "{err}");
}

#[test]
fn a_silence_is_added_listed_and_ended() {
    let folder = folder(HOME);
    let folder = folder.path();
    let add = ["silence", "add", "--target", "here", "--for", "2h", "--why", "moving house", "--by", "li"];
    let (code, out, err) = run(folder, &[&add[..], &["--format", "json"]].concat());
    assert_eq!(code, Some(0), "{err}");
    let made = json(&out);
    let id = made[0]["id"].as_str().unwrap();
    assert_eq!((&made[0]["target"], &made[0]["probe"]), (&"here".into(), &Value::Null), "{out}");
    let [from, until] =
        ["starts_at", "until"].map(|key| made[0][key].as_str().unwrap().parse::<jiff::Timestamp>().unwrap());
    assert_eq!(until.duration_since(from).as_hours(), 2);
    let (_, out, _) = run(folder, &["silence", "list"]);
    assert!(out.contains("本机") && out.contains("every one") && out.contains("moving house"), "{out}");
    let (code, _, err) = run(folder, &["silence", "end", id]);
    assert_eq!(code, Some(0), "{err}");
    assert_eq!(run(folder, &["silence", "list"]).1, "No silence is in force.\n");

    let wrong: [(&[&str], &str); 6] = [
        (&["silence", "add", "--for", "2h", "--why", "x"], "--target <ID>"),
        (
            &["silence", "add", "--all", "--target", "here", "--for", "2h", "--why", "x"],
            "cannot be used with",
        ),
        (&["silence", "add", "--all", "--for", "two", "--why", "x"], "not a duration"),
        (&["silence", "add", "--all", "--for", "2h", "--why", " ", "--by", "li"], "without a reason"),
        (&["silence", "add", "--target", "her", "--for", "2h", "--why", "x"], "did you mean `here`?"),
        (&["silence", "end", "nothing"], "there is no silence `nothing`"),
    ];
    for (args, want) in wrong {
        let (code, _, err) = run(folder, args);
        assert_eq!(code, Some(2), "{args:?}: {err}");
        assert!(err.contains(want), "{args:?}: {err}");
    }
}
