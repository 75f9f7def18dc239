//! `shopper mail test`, as people call it: no data folder, no daemon.

use std::path::Path;

use axum::Router;
use axum::routing::post;
use mystery_shopper::demo::sink::{Behaviour, Sink};

/// What a command printed, and its exit code.
struct Ran {
    out: String,
    err: String,
    code: Option<i32>,
}

async fn shopper(folder: &Path, args: &[&str]) -> Ran {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_shopper"));
    command.current_dir(folder).args(args).env_remove("SHOPPER_CONFIG").env("HOOK_SECRET", "geheim");
    let output = command.output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { out: text(output.stdout), err: text(output.stderr), code: output.status.code() }
}

fn configure(folder: &Path, more: &str) {
    let text = format!(
        "[agent]\nname = \"here\"\nlanguage = \"en\"\n[[target]]\nid = \"a\"\nname = \"A\"\n\
         entry = \"http://127.0.0.1:1/\"\nclass = \"test\"\n[[probe]]\nid = \"home\"\nvisit = {{}}\ntargets = [\"*\"]\n\
         schedule = \"@daily\"\n{more}"
    );
    std::fs::write(folder.join("probes.toml"), text).unwrap();
}

#[tokio::test]
async fn a_mail_is_tried_and_its_dialogue_shown() {
    let folder = tempfile::tempdir().unwrap();
    let mails = tempfile::tempdir().unwrap();
    let (sink, mut arrivals) = Sink::start(mails.path(), Behaviour::default()).await.unwrap();
    let port = sink.address().port();
    configure(
        folder.path(),
        &format!(
            "[mail]\nsmtp = \"smtp://127.0.0.1:{port}\"\nfrom = \"a@test.example\"\n[[mail.route]]\nto = \"oncall@test.example\"\n"
        ),
    );
    let ran = shopper(folder.path(), &["mail", "test"]).await;
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.out, ran.err);
    for line in [
        "> RCPT TO:<oncall@test.example>",
        "< 250 2.0.0 ok: kept as 0001.eml",
        "oncall@test.example was told",
    ] {
        assert!(ran.out.contains(line), "{line}: {}", ran.out);
    }
    let mail = String::from_utf8(arrivals.recv().await.unwrap().raw).unwrap();
    assert!(mail.contains("Subject: Test: notices of here arrive"), "{mail}");

    sink.behave(Behaviour { reject: vec!["gone@test.example".to_owned()], ..Behaviour::default() });
    let ran =
        shopper(folder.path(), &["mail", "test", "--to", "gone@test.example", "--format", "json"]).await;
    assert_eq!(ran.code, Some(3), "{}\n{}", ran.out, ran.err);
    let tried: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&tried["taken"], &tried["to"]), (&false.into(), &"gone@test.example".into()));
    assert!(tried["error"].as_str().unwrap().contains("answered 550 to the recipient"), "{tried}");

    for (args, said) in [
        (&["mail", "test", "--hook", "ops"][..], "there is no webhook `ops`"),
        (&["mail", "test", "--to", "nobody"][..], "`nobody` is not a mail address"),
    ] {
        let ran = shopper(folder.path(), args).await;
        assert_eq!(ran.code, Some(2), "{args:?}: {}", ran.err);
        assert!(ran.err.contains(said), "{args:?}: {}", ran.err);
    }
    let left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["probes.toml"], "no data folder is made");
}

#[tokio::test]
async fn a_webhook_is_tried_and_no_secret_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    configure(folder.path(), "");
    let ran = shopper(folder.path(), &["mail", "test"]).await;
    assert_eq!(ran.code, Some(2), "{}", ran.out);
    assert!(ran.err.contains("nobody can be told"), "{}", ran.err);

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let router = Router::new()
        .route("/robot", post(|| async { "{\"errcode\":0,\"errmsg\":\"ok\"}" }))
        .route("/own", post(|body: String| async move { body }));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    std::fs::write(folder.path().join("own.json"), "{\"summary\": \"{{title}}\"}").unwrap();
    configure(
        folder.path(),
        &format!(
            "[[webhook]]\nname = \"group\"\nurl = \"http://{at}/robot?access_token=t0ken\"\ntemplate = \"dingtalk\"\n\
             secret = {{ env = \"HOOK_SECRET\" }}\n\
             [[webhook]]\nname = \"own\"\nurl = \"http://{at}/own\"\ntemplate = \"own.json\"\nsecret = {{ env = \"HOOK_SECRET\" }}\n\
             [[webhook]]\nname = \"gone\"\nurl = \"http://{at}/elsewhere\"\n"
        ),
    );
    let ran = shopper(folder.path(), &["mail", "test", "--hook", "group", "--quiet"]).await;
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.out, ran.err);
    let ran = shopper(folder.path(), &["mail", "test", "--hook", "group"]).await;
    assert!(ran.out.contains("< 200") && ran.out.contains("hook:group was told"), "{}", ran.out);
    assert!(!ran.out.contains("t0ken") && !ran.out.contains("geheim"), "{}", ran.out);
    let ran = shopper(folder.path(), &["mail", "test", "--hook", "own"]).await;
    assert!(ran.out.contains("{\"summary\": \"Test: notices of here arrive\"}"), "{}", ran.out);
    assert!(ran.out.contains("> X-Shopper-Signature: t="), "{}", ran.out);
    let ran = shopper(folder.path(), &["mail", "test", "--hook", "gone"]).await;
    assert_eq!(ran.code, Some(3), "{}\n{}", ran.out, ran.err);
    assert!(ran.out.contains("answered 404"), "{}", ran.out);
}
