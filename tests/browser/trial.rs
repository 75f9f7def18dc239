//! Browsers that are not what their version says: they are found out before they meet a portal.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use mystery_shopper::browser::{BrowserError, Doctor, Guard, JourneyOptions, Pool, Settings, trial};

use crate::world::*;

/// A program in front of the real browser.
async fn in_front(folder: &Path, script: &str) -> PathBuf {
    let found = Doctor::examine(&settings(folder, 1)).await;
    let (real, _) = found.chromium.unwrap();
    let program = folder.join("in-front");
    std::fs::write(&program, script.replace("REAL", &real.display().to_string())).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
    program
}

/// A browser that leaves extensions out, as some builds do.
const DEAF: &str = "#!/bin/sh
for word in \"$@\"; do
  shift
  case $word in --load-extension=*) ;; *) set -- \"$@\" \"$word\" ;; esac
done
exec REAL \"$@\"
";

#[tokio::test]
async fn a_browser_without_the_filter_meets_no_live_portal() {
    let world = World::of(&[("/", "<title>首页</title>")]).await;
    let temp = tempfile::tempdir().unwrap();
    let deaf = Settings { chromium: Some(in_front(temp.path(), DEAF).await), ..settings(temp.path(), 1) };
    let pool = Pool::new(deaf.clone());
    let guard = Guard { live: true, loopback: true, allow: Vec::new(), hosts: Vec::new() };
    let refused = pool.open(JourneyOptions { guard, ..options() }, soon(30)).await;
    assert!(matches!(refused, Err(BrowserError::Unguarded { .. })), "{refused:?}");
    // For a test system it is good enough.
    let mut journey = pool.open(options(), soon(30)).await.unwrap();
    goto(&mut journey, &world.url("/")).await.unwrap();
    journey.close().await;
    pool.close().await;
    assert!(matches!(trial(&deaf).await, Err(BrowserError::Unguarded { .. })));
    world.end().await;
}

/// A browser that knows its version and then finds no sandbox.
const DEAD: &str = "#!/bin/sh
case $1 in --version) exec REAL --version ;; esac
echo '[7:7:1125/034455.1:FATAL:zygote_host.cc(128)] No usable sandbox! See the manual.' >&2
exit 1
";

#[tokio::test]
async fn the_last_words_of_a_browser_are_shown() {
    let temp = tempfile::tempdir().unwrap();
    let dead = Settings { chromium: Some(in_front(temp.path(), DEAD).await), ..settings(temp.path(), 1) };
    let said = trial(&dead).await.unwrap_err().to_string();
    assert!(said.starts_with("the browser does not start: No usable sandbox! See the manual; "), "{said}");
    assert!(said.contains("user namespaces"), "{said}");
    let well = trial(&settings(temp.path(), 1)).await.unwrap();
    assert!(well.browser.starts_with("Chromium "), "{well:?}");
    let left = std::fs::read_dir(temp.path()).unwrap().count();
    assert_eq!(left, 1, "only the program in front is left");
}
