//! What the system tells of our own process, as every Prometheus client library tells it.

use std::fs;

/// Our own process.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Process {
    /// CPU time that was used, in seconds.
    pub cpu_seconds: f64,
    /// Memory that is resident, in bytes.
    pub resident_bytes: u64,
    /// Memory that is mapped, in bytes.
    pub virtual_bytes: u64,
    /// Files that are open.
    pub open_files: u64,
    /// Files that may be open; absent when there is no limit.
    pub max_files: Option<u64>,
    /// Threads.
    pub threads: u64,
    /// When it began, in seconds since 1970.
    pub start_seconds: f64,
}

impl Process {
    /// Reads `/proc/self`; nothing where there is none. Blocks for a moment.
    pub fn read() -> Option<Self> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        let booted = fs::read_to_string("/proc/stat").ok()?;
        let ticks = rustix::param::clock_ticks_per_second();
        let page = rustix::param::page_size() as u64;
        let mut process = parse(&stat, &booted, ticks, page)?;
        process.open_files = fs::read_dir("/proc/self/fd").ok()?.count() as u64;
        process.max_files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        Some(process)
    }
}

/// Reads the fields of `/proc/self/stat` (proc(5)) that are wanted.
fn parse(stat: &str, booted: &str, ticks: u64, page: u64) -> Option<Process> {
    // The name stands in brackets and may hold anything, brackets and spaces too.
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    // The first of these is field 3.
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    let ticks = ticks as f64;
    let booted = booted.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse::<u64>().ok()?;
    Some(Process {
        cpu_seconds: (field(14)? + field(15)?) as f64 / ticks,
        threads: field(20)?,
        start_seconds: booted as f64 + field(22)? as f64 / ticks,
        virtual_bytes: field(23)?,
        resident_bytes: field(24)? * page,
        ..Process::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_found_behind_any_name() {
        let stat = "42 (a) b (c)) S 1 42 42 0 -1 4194560 5000 0 0 0 150 50 0 0 20 0 7 0 1000 400000 2500 \
                    18446744073709551615 1 1 0 0 0 0 0 4096 0 0 0 0 17 1 0 0 0 0 0";
        let process = parse(stat, "cpu 1 2\nbtime 1700000000\n", 100, 4096).unwrap();
        let want = Process {
            cpu_seconds: 2.0,
            threads: 7,
            start_seconds: 1_700_000_010.0,
            virtual_bytes: 400_000,
            resident_bytes: 2500 * 4096,
            ..Process::default()
        };
        assert_eq!(process, want);
        assert_eq!(parse("42 (name) S 1", "btime 1", 100, 4096), None);
    }

    #[test]
    fn our_own_process_is_told() {
        let process = Process::read().unwrap();
        assert!(process.resident_bytes > 1_000_000 && process.threads > 0 && process.open_files > 2);
        assert!(process.start_seconds > 1_700_000_000.0);
    }
}
