//! The frontier: which link is asked for next, and when its host allows it.
//!
//! Each host has its own queue, nearest to the home page first. Hosts take turns.
//!
//! Invariant: a host never has more requests under way than it may, nor two closer together than
//! its interval; a host that was stopped gets none at all.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, VecDeque};
use std::time::Duration;

use super::atlas::No;
use super::host::{Host, Stop};
use crate::clock::Deadline;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Task {
    /// The host's robots.txt.
    Robots,
    /// A sitemap that it names.
    Sitemap(String),
    /// A name that does not exist, in a folder, to see what the host says of it.
    Nowhere(String),
    /// A link; the second time from fresh.
    Link { no: No, second: bool },
}

impl Task {
    /// The folder of a made-up name.
    pub(super) fn folder(&self) -> Option<&str> {
        match self {
            Self::Nowhere(folder) => Some(folder),
            _ => None,
        }
    }
}

/// The place of a host in the frontier.
pub(super) type HostNo = usize;

/// What comes next.
#[derive(Debug)]
pub(super) enum Next {
    /// This.
    Go(HostNo, Task),
    /// Nothing before that instant, when this host's turn comes.
    At(Deadline, HostNo),
    /// Nothing as long as nothing that is under way ends.
    Idle,
}

/// What waited at a host that was stopped.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stopped {
    pub host: HostNo,
    pub stop: Stop,
    pub links: Vec<No>,
    pub errands: Vec<Task>,
}

#[derive(Debug, Default)]
struct Queue {
    host: Host,
    /// Errands that have to be done before links: robots.txt, sitemaps, made-up names.
    first: VecDeque<Task>,
    by_depth: BTreeMap<u32, VecDeque<No>>,
    second: BinaryHeap<Reverse<(Deadline, No)>>,
    busy: u32,
    /// Robots.txt is on its way: nothing else is asked before it is known.
    held: bool,
    queued: bool,
    /// When its turn comes, while it is among those that wait.
    asleep: Option<Deadline>,
}

/// Queues of all hosts.
#[derive(Debug)]
pub(super) struct Frontier {
    names: HashMap<String, HostNo>,
    queues: Vec<Queue>,
    /// Hosts that may be ready, in turn.
    turn: VecDeque<HostNo>,
    /// Hosts that have to wait, by the instant at which they are looked at again. Ten thousand of
    /// them cost no more than one; an entry that its host does not name any more is stale.
    asleep: BinaryHeap<Reverse<(Deadline, HostNo)>>,
    concurrency: u32,
}

impl Frontier {
    pub(super) fn new(concurrency: u32) -> Self {
        Self {
            names: HashMap::new(),
            queues: Vec::new(),
            turn: VecDeque::new(),
            asleep: BinaryHeap::new(),
            concurrency: concurrency.max(1),
        }
    }

    /// The host of this name; `make` says what it is like when it is new.
    pub(super) fn host_no(&mut self, name: &str, make: impl FnOnce() -> Host) -> HostNo {
        if let Some(no) = self.names.get(name) {
            return *no;
        }
        let host = make();
        let mut queue = Queue { held: host.own, host, ..Queue::default() };
        if queue.held {
            queue.first.push_back(Task::Robots);
        }
        self.queues.push(queue);
        let no = self.queues.len() - 1;
        self.names.insert(name.to_owned(), no);
        self.wake(no);
        no
    }

    /// The names of the portal's own hosts.
    pub(super) fn own_hosts(&self) -> Vec<String> {
        self.queues.iter().filter(|queue| queue.host.own).map(|queue| queue.host.key.clone()).collect()
    }

    pub(super) fn host(&self, no: HostNo) -> &Host {
        &self.queues[no].host
    }

    pub(super) fn host_mut(&mut self, no: HostNo) -> &mut Host {
        &mut self.queues[no].host
    }

    /// Puts a link into its host's queue.
    pub(super) fn push(&mut self, host: HostNo, no: No, depth: u32) {
        self.queues[host].by_depth.entry(depth).or_default().push_back(no);
        self.wake(host);
    }

    /// Puts an errand before all links of its host.
    pub(super) fn push_first(&mut self, host: HostNo, task: Task) {
        self.queues[host].first.push_back(task);
        self.wake(host);
    }

    /// Has a link asked for once more, not before `at`.
    pub(super) fn push_second(&mut self, host: HostNo, no: No, at: Deadline) {
        self.queues[host].second.push(Reverse((at, no)));
        self.wake(host);
    }

    /// robots.txt was asked for already.
    pub(super) fn without_robots(&mut self, host: HostNo) {
        self.queues[host].first.retain(|task| *task != Task::Robots);
    }

    /// robots.txt is known: links may follow.
    pub(super) fn release(&mut self, host: HostNo) {
        self.queues[host].held = false;
        self.wake(host);
    }

    /// One request more is under way at the host.
    pub(super) fn begun(&mut self, host: HostNo) {
        self.queues[host].busy += 1;
    }

    /// One request less is.
    pub(super) fn ended(&mut self, host: HostNo) {
        let queue = &mut self.queues[host];
        queue.busy = queue.busy.saturating_sub(1);
        self.wake(host);
    }

    /// Whether a browser may take the host's turn now, and for how long it has to wait otherwise.
    pub(super) fn free_in(&self, host: HostNo, interval: Duration) -> Option<Duration> {
        let queue = &self.queues[host];
        (queue.busy == 0 && !queue.held).then(|| queue.host.wait(interval))
    }

    /// What to ask for now. `interval` is what a host wants between two requests.
    pub(super) fn next(&mut self, interval: impl Fn(&Host, &Task) -> Duration) -> Next {
        self.wake_those_due();
        while let Some(no) = self.turn.pop_front() {
            let most = self.concurrency;
            let queue = &mut self.queues[no];
            queue.queued = false;
            // Hosts of others are asked one thing at a time, whatever the portal allows.
            let most = if queue.host.own { most } else { 1 };
            // Whatever ends, is let go or is put in wakes it again.
            if queue.host.stop.is_some() || queue.busy >= most {
                continue;
            }
            let Some((task, ready)) = queue.peek() else { continue };
            let wait = queue.host.wait(interval(&queue.host, &task)).max(ready);
            if wait.is_zero() {
                queue.take(&task);
                queue.busy += 1;
                self.wake(no);
                return Next::Go(no, task);
            }
            let at = Deadline::after(wait);
            if queue.asleep.is_none_or(|old| at < old) {
                queue.asleep = Some(at);
                self.asleep.push(Reverse((at, no)));
            }
        }
        while let Some(&Reverse((at, no))) = self.asleep.peek() {
            let queue = &self.queues[no];
            if queue.asleep == Some(at) && queue.host.stop.is_none() {
                return Next::At(at, no);
            }
            self.asleep.pop();
        }
        Next::Idle
    }

    /// Gives their turn to hosts that have waited long enough, as far as that was known.
    fn wake_those_due(&mut self) {
        while let Some(&Reverse((at, no))) = self.asleep.peek() {
            if !at.passed() {
                return;
            }
            self.asleep.pop();
            let queue = &mut self.queues[no];
            if queue.asleep == Some(at) {
                queue.asleep = None;
                self.wake(no);
            }
        }
    }

    /// Takes everything that waits at hosts that were stopped.
    pub(super) fn take_stopped(&mut self) -> Vec<Stopped> {
        let mut taken = Vec::new();
        for (no, queue) in self.queues.iter_mut().enumerate() {
            let Some(stop) = &queue.host.stop else { continue };
            let mut links: Vec<No> = queue.by_depth.values().flatten().copied().collect();
            links.extend(queue.second.iter().map(|Reverse((_, no))| *no));
            queue.by_depth.clear();
            queue.second.clear();
            let errands = Vec::from(std::mem::take(&mut queue.first));
            if !links.is_empty() || !errands.is_empty() {
                taken.push(Stopped { host: no, stop: stop.clone(), links, errands });
            }
        }
        taken
    }

    fn wake(&mut self, no: HostNo) {
        let queue = &mut self.queues[no];
        if !queue.queued && !queue.is_empty() {
            queue.queued = true;
            self.turn.push_back(no);
        }
    }
}

impl Queue {
    fn is_empty(&self) -> bool {
        self.first.is_empty() && self.by_depth.is_empty() && self.second.is_empty()
    }

    /// What comes next, and how long it has to wait by itself. Second looks come before first ones
    /// when their time has come.
    fn peek(&self) -> Option<(Task, Duration)> {
        if let Some(task) = self.first.front() {
            let robots = matches!(task, Task::Robots);
            return (robots || !self.held).then(|| (task.clone(), Duration::ZERO));
        }
        if self.held {
            return None;
        }
        let second = self.second.peek().map(|Reverse((at, no))| (*no, at.remaining()));
        let first = self.by_depth.first_key_value().and_then(|(_, queue)| queue.front());
        match (second, first) {
            (Some((no, wait)), None) => Some((Task::Link { no, second: true }, wait)),
            (Some((no, wait)), Some(_)) if wait.is_zero() => Some((Task::Link { no, second: true }, wait)),
            (_, Some(no)) => Some((Task::Link { no: *no, second: false }, Duration::ZERO)),
            (None, None) => None,
        }
    }

    fn take(&mut self, task: &Task) {
        match task {
            Task::Link { second: true, .. } => drop(self.second.pop()),
            Task::Link { second: false, .. } => {
                if let Some(mut nearest) = self.by_depth.first_entry() {
                    nearest.get_mut().pop_front();
                    if nearest.get().is_empty() {
                        nearest.remove();
                    }
                }
            }
            _ => drop(self.first.pop_front()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(frontier: &mut Frontier) -> Vec<(HostNo, Task)> {
        let mut got = Vec::new();
        while let Next::Go(host, task) = frontier.next(|_, _| Duration::ZERO) {
            got.push((host, task));
        }
        got
    }

    fn first(no: No) -> Task {
        Task::Link { no, second: false }
    }

    #[test]
    fn nearest_first_and_hosts_in_turn() {
        let mut frontier = Frontier::new(9);
        let own = frontier.host_no("a.cn", || Host::new("a.cn".to_owned(), true, None));
        let other = frontier.host_no("b.cn", Host::default);
        frontier.push(own, 3, 2);
        frontier.push(own, 1, 1);
        frontier.push(other, 2, 1);
        frontier.push(other, 4, 1);
        assert_eq!(
            drain(&mut frontier),
            [(own, Task::Robots), (other, first(2))],
            "robots.txt holds the rest"
        );
        frontier.release(own);
        assert_eq!(drain(&mut frontier), [(own, first(1)), (own, first(3))], "one at a time elsewhere");
        frontier.ended(other);
        assert_eq!(drain(&mut frontier), [(other, first(4))]);
    }

    #[test]
    fn a_second_look_waits_for_its_time() {
        let mut frontier = Frontier::new(9);
        let host = frontier.host_no("b.cn", Host::default);
        frontier.push_second(host, 1, Deadline::after(Duration::from_mins(1)));
        assert!(matches!(frontier.next(|_, _| Duration::ZERO), Next::At(..)));
        frontier.push(host, 2, 1);
        assert_eq!(drain(&mut frontier), [(host, first(2))], "others do not wait for it");
    }

    #[test]
    fn a_host_that_was_stopped_gives_back_what_waited() {
        let mut frontier = Frontier::new(1);
        let host = frontier.host_no("b.cn", Host::default);
        frontier.push(host, 1, 1);
        frontier.push_second(host, 2, Deadline::after(Duration::ZERO));
        frontier.host_mut(host).stop = Some(Stop::Down);
        assert!(drain(&mut frontier).is_empty());
        let errand = Task::Nowhere("http://b.cn/".to_owned());
        frontier.push_first(host, errand.clone());
        let stopped = Stopped { host, stop: Stop::Down, links: vec![1, 2], errands: vec![errand] };
        assert_eq!(frontier.take_stopped(), [stopped]);
        assert!(frontier.take_stopped().is_empty());
    }

    /// Every host is looked at when it is put in, when its time has come and when something of it
    /// ends: never all of them for one question.
    #[test]
    fn ten_thousand_hosts_that_wait_cost_no_more_than_one() {
        use std::cell::Cell;
        const HOSTS: usize = 10_000;
        let mut frontier = Frontier::new(1);
        for n in 0..HOSTS {
            let host = frontier.host_no(&format!("h{n}.cn"), Host::default);
            frontier.host_mut(host).note_turn();
            frontier.push(host, No::try_from(2 * n).unwrap(), 1);
        }
        let asked = Cell::new(0_usize);
        let minute = |_: &Host, _: &Task| {
            asked.set(asked.get() + 1);
            Duration::from_mins(1)
        };
        for _ in 0..1_000 {
            assert!(matches!(frontier.next(minute), Next::At(..)));
        }
        assert_eq!(asked.get(), HOSTS, "each was looked at once");
        let late = frontier.host_no("late.cn", Host::default);
        frontier.push(late, 1, 1);
        assert!(matches!(frontier.next(minute), Next::Go(host, _) if host == late), "and holds nobody up");
        assert_eq!(asked.get(), HOSTS + 1);
    }

    #[test]
    fn a_host_that_waits_is_looked_at_again_when_something_sooner_comes() {
        let mut frontier = Frontier::new(1);
        let host = frontier.host_no("b.cn", Host::default);
        frontier.push_second(host, 1, Deadline::after(Duration::from_mins(1)));
        let Next::At(late, _) = frontier.next(|_, _| Duration::ZERO) else { panic!("it waits") };
        frontier.push_second(host, 2, Deadline::after(Duration::from_secs(1)));
        let Next::At(soon, _) = frontier.next(|_, _| Duration::ZERO) else { panic!("it waits") };
        assert!(soon < late);
        frontier.host_mut(host).stop = Some(Stop::Down);
        assert!(
            matches!(frontier.next(|_, _| Duration::ZERO), Next::Idle),
            "a stopped host is not waited for"
        );
    }
}
