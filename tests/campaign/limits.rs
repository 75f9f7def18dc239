//! A machine that has nothing to give: memory, file descriptors, shared memory.

use mystery_shopper::demo::{City, Fault};

use crate::rig::{Daemon, Rig, alone, must};

/// Whatever becomes of the walks, the daemon lives, accuses nobody and goes on with what needs no
/// browser.
async fn lives(rig: &Rig, mut daemon: Daemon) {
    daemon.is_ready().await;
    let walked = daemon
        .says("that a walk ended", |fields| fields["message"] == "run ended" && fields["probe"] == "walk")
        .await;
    assert_ne!(walked["verdict"], "fail", "the portal was blamed: {walked}");
    daemon.ran("home", "pass").await;
    daemon.stops().await;
    assert_eq!(rig.records().number("SELECT count(*) FROM incidents WHERE probe = 'walk'"), 0);
    rig.is_sound().await;
}

#[tokio::test]
async fn with_four_megabytes_of_shared_memory_it_lives() {
    if !alone("limits::with_four_megabytes_of_shared_memory_it_lives") {
        return;
    }
    must("mount", &["-t", "tmpfs", "-o", "size=4m", "campaign", "/dev/shm"]);
    let rig = Rig::walking().await;
    lives(&rig, rig.start()).await;
}

#[tokio::test]
async fn with_64_file_descriptors_it_lives_and_says_so() {
    let mut rig = Rig::walking().await;
    let daemon = rig.start_with(&["prlimit", "--nofile=64:64", "--"], &[]);
    lives(&rig, daemon).await;
    // And whoever has to be told is told.
    let mut daemon = rig.start_with(&["prlimit", "--nofile=64:64", "--"], &[]);
    daemon.is_ready().await;
    rig.portal.state().set_fault(City::Shifan, Fault::HomeDown, true);
    rig.mail().await;
    daemon.stops().await;
}

#[tokio::test]
async fn with_hardly_any_memory_for_data_it_lives() {
    // Data of all kinds, for each process: a renderer wants more than this, the daemon less.
    let rig = Rig::walking().await;
    let daemon = rig.start_with(&["prlimit", "--data=220000000:220000000", "--"], &[]);
    lives(&rig, daemon).await;
}
