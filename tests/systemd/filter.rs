//! The unit's system call settings as the kernel gets them: seccomp filters, compiled from the same lines
//! that systemd reads.

use std::collections::BTreeSet;
use std::process::Command;

use seccompiler::{BpfMap, TargetArch};
use serde_json::{Value, json};

/// Namespaces by the names that the unit uses, with their `CLONE_NEW…` bits.
const NAMESPACES: [(&str, u64); 7] = [
    ("mnt", 0x0002_0000),
    ("cgroup", 0x0200_0000),
    ("uts", 0x0400_0000),
    ("ipc", 0x0800_0000),
    ("user", 0x1000_0000),
    ("pid", 0x2000_0000),
    ("net", 0x4000_0000),
];

const EPERM: u32 = 1;
const ENOSYS: u32 = 38;
const EAFNOSUPPORT: u32 = 97;

fn arch() -> TargetArch {
    std::env::consts::ARCH.try_into().expect("seccompiler knows this machine")
}

/// Compiles one filter; `None` when the machine has no call of one of these names.
fn compiled(matched: &Value, otherwise: &Value, calls: &[Value]) -> Option<Vec<seccompiler::sock_filter>> {
    let filter = json!({ "all": { "mismatch_action": otherwise, "match_action": matched, "filter": calls } });
    let mut all: BpfMap = seccompiler::compile_from_json(filter.to_string().as_bytes(), arch()).ok()?;
    all.remove("all")
}

/// The names behind `@set`, sets within it too.
fn expand(name: &str, names: &mut BTreeSet<String>) {
    if !name.starts_with('@') {
        names.insert(name.to_owned());
        return;
    }
    let output = Command::new("systemd-analyze").args(["syscall-filter", name]).output().unwrap_or_else(|error| {
        panic!("systemd-analyze tells what {name} means, and cannot be asked: {error}; script/bootstrap installs it")
    });
    assert!(output.status.success(), "systemd knows no {name}");
    for line in String::from_utf8(output.stdout).unwrap().lines().skip(1).map(str::trim) {
        if !line.is_empty() && !line.starts_with('#') {
            expand(line, names);
        }
    }
}

/// `SystemCallFilter=`, line by line as systemd adds them up.
fn allowed(lines: &[&str]) -> BTreeSet<String> {
    // What systemd leaves a service in any case.
    let mut names: BTreeSet<String> =
        ["execve", "exit", "exit_group", "rt_sigreturn", "sigreturn", "getrlimit"].map(str::to_owned).into();
    expand("@default", &mut names);
    for line in lines {
        let mut some = BTreeSet::new();
        for word in line.trim_start_matches('~').split_whitespace() {
            expand(word, &mut some);
        }
        if line.starts_with('~') {
            names.retain(|name| !some.contains(name));
        } else {
            names.extend(some);
        }
    }
    names
}

fn call(name: &str) -> Value {
    json!({ "syscall": name })
}

fn when(name: &str, args: &Value) -> Value {
    json!({ "syscall": name, "args": args })
}

/// An argument of which some bits have a value.
fn bits(index: u8, mask: u64, value: u64) -> Value {
    json!({ "index": index, "type": "qword", "op": { "masked_eq": mask }, "val": value })
}

fn word(index: u8, op: &str, value: u32) -> Value {
    json!({ "index": index, "type": "dword", "op": op, "val": value })
}

/// Every filter that the settings of the unit make, by the setting. All of them bind at once.
pub fn filters(setting: impl Fn(&str) -> Vec<String>) -> Vec<(&'static str, Vec<seccompiler::sock_filter>)> {
    let refuse = |errno: u32| json!({ "errno": errno });
    let mut filters = Vec::new();

    let lines = setting("SystemCallFilter");
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert_eq!(setting("SystemCallErrorNumber"), ["EPERM"]);
    // systemd's names are of all machines; what this one does not have, nobody can call.
    let here: Vec<Value> = allowed(&lines)
        .iter()
        .map(|name| call(name))
        .filter(|call| compiled(&json!("allow"), &refuse(EPERM), std::slice::from_ref(call)).is_some())
        .collect();
    assert!(here.len() > 150, "only {} calls are known here", here.len());
    let list = compiled(&json!("allow"), &refuse(EPERM), &here).expect("every one compiled alone");
    let kept = setting("RestrictNamespaces").join(" ");
    let mut calls = vec![when("setns", &json!([word(1, "eq", 0)]))];
    for (name, bit) in NAMESPACES {
        if !kept.split_whitespace().any(|kept| kept == name) {
            calls.extend(["clone", "unshare"].map(|call| when(call, &json!([bits(0, bit, bit)]))));
            calls.push(when("setns", &json!([bits(1, bit, bit)])));
        }
    }
    filters
        .push(("RestrictNamespaces", compiled(&refuse(EPERM), &json!("allow"), &calls).expect("compiles")));
    // Its flags lie in memory, where no filter reads them; programs fall back to `clone`.
    let clone3 = compiled(&refuse(ENOSYS), &json!("allow"), &[call("clone3")]).expect("compiles");
    filters.push(("RestrictNamespaces (clone3)", clone3));

    let families = setting("RestrictAddressFamilies").join(" ");
    let others: Vec<Value> = families
        .split_whitespace()
        .map(|family| match family {
            "AF_UNIX" => 1,
            "AF_INET" => 2,
            "AF_INET6" => 10,
            "AF_NETLINK" => 16,
            other => panic!("{other} is not known here"),
        })
        .map(|family| word(0, "ne", family))
        .collect();
    let sockets = [when("socket", &json!(others))];
    filters.push((
        "RestrictAddressFamilies",
        compiled(&refuse(EAFNOSUPPORT), &json!("allow"), &sockets).expect("compiles"),
    ));

    assert_eq!(setting("LockPersonality"), ["yes"]);
    let personality = [when("personality", &json!([word(0, "ne", 0), word(0, "ne", 0xffff_ffff)]))];
    filters.push((
        "LockPersonality",
        compiled(&refuse(EPERM), &json!("allow"), &personality).expect("compiles"),
    ));

    assert_eq!(setting("RestrictRealtime"), ["yes"]);
    // Round robin, first in first out, deadline.
    let realtime = [1, 2, 6].map(|policy| when("sched_setscheduler", &json!([word(1, "eq", policy)])));
    filters
        .push(("RestrictRealtime", compiled(&refuse(EPERM), &json!("allow"), &realtime).expect("compiles")));

    assert_eq!(setting("RestrictSUIDSGID"), ["yes"]);
    let mut calls = Vec::new();
    for (name, mode) in
        [("chmod", 1), ("fchmod", 1), ("fchmodat", 2), ("mkdir", 1), ("mkdirat", 2), ("mknod", 1)]
    {
        let marks = [0o4000, 0o2000].map(|bit| when(name, &json!([bits(mode, bit, bit)])));
        let known = compiled(&refuse(EPERM), &json!("allow"), &marks).is_some();
        calls.extend(marks.into_iter().filter(|_| known));
    }
    filters.push(("RestrictSUIDSGID", compiled(&refuse(EPERM), &json!("allow"), &calls).expect("compiles")));
    // The last, because it does not let a process add further ones by `seccomp`.
    filters.push(("SystemCallFilter", list));
    filters
}
