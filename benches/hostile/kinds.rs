//! The kinds of run, what each of them walks, and how it may end.

use rustix::process::Signal;

use super::processes::Whom;

/// Whose fault it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// The journey passes.
    Pass,
    /// The portal failed: `fail`, as one of these outcomes.
    Portal(&'static [&'static str]),
    /// The portal failed, or the journey passes all the same.
    PortalOrPass(&'static [&'static str]),
    /// Our own fault: `probe_fault`, inconclusive.
    Ours,
    /// Our own fault, or the journey passes.
    OursOrPass,
    /// The second attempt passes.
    Second,
}

/// What happens to a browser while a run is in it.
#[derive(Clone, Copy)]
pub struct Strike {
    pub whom: Whom,
    pub signal: Signal,
    /// Milliseconds after the page was asked for.
    pub after: u64,
}

/// A kind of run.
pub struct Kind {
    pub name: &'static str,
    /// How many of a hundred runs.
    pub share: usize,
    pub right: Right,
    /// The step's `do` and `expect`, and its milliseconds.
    pub step: &'static str,
    pub within: u64,
    pub strike: Option<Strike>,
}

const fn page(name: &'static str, share: usize, right: Right, step: &'static str, within: u64) -> Kind {
    Kind { name, share, right, step, within, strike: None }
}

const fn blow(name: &'static str, share: usize, whom: Whom, signal: Signal) -> Kind {
    // Late enough that no time is left for a second attempt.
    let strike = Some(Strike { whom, signal, after: 800 });
    Kind { name, share, right: Right::Ours, step: VICTIM, within: DEADLINE, strike }
}

/// A page that comes to its end by itself, half a second after it was to be struck.
const VICTIM: &str = "do = [{ goto = '/victim?{run}' }]\nexpect = [{ title = '完' }]";

/// A page that a citizen would find in order.
const NOISE: &str = "do = [{ goto = '/noise' }]\nexpect = [{ title = '完' }]";

/// The deadline of most hostile runs.
const DEADLINE: u64 = 1_800;

/// What is healthy has time enough on any machine.
const AMPLE: u64 = 20_000;

pub const KINDS: &[Kind] = &[
    page(
        "healthy",
        19,
        Right::Pass,
        "do = [{ goto = '/' }, { click = 'text=按' }]\nexpect = [{ title = '按了' }]",
        AMPLE,
    ),
    page(
        "fifty pop-ups",
        6,
        Right::PortalOrPass(&["timeout"]),
        "do = [{ goto = '/windows' }, { click = 'text=按' }, { page = 'first' }]\nexpect = [{ text = '五十个窗口' }]",
        DEADLINE,
    ),
    page(
        "alert loop",
        8,
        Right::Portal(&["timeout"]),
        "do = [{ goto = '/alerts' }, { click = 'text=按' }]\nexpect = [{ title = '好' }]",
        DEADLINE,
    ),
    page(
        "beforeunload",
        8,
        Right::Pass,
        "do = [{ goto = '/stay' }, { click = 'text=按' }, { goto = '/' }]\nexpect = [{ title = '好' }]",
        AMPLE,
    ),
    page(
        "`for(;;)`",
        8,
        Right::Portal(&["timeout"]),
        "do = [{ goto = '/loop' }, { click = 'text=按' }]\nexpect = [{ title = '好' }]",
        DEADLINE,
    ),
    page(
        "memory bomb",
        2,
        Right::Portal(&["timeout"]),
        "do = [{ goto = '/hoard' }, { click = 'text=按' }]\nexpect = [{ title = '好' }]",
        DEADLINE,
    ),
    page(
        "endless download",
        6,
        Right::Portal(&["broken", "timeout"]),
        "do = [{ goto = '/endless' }]\nexpect = [{ text = '药' }]",
        DEADLINE,
    ),
    page("no answer", 6, Right::Portal(&["timeout"]), "do = [{ goto = '/never' }]", DEADLINE),
    page(
        "dripping page",
        6,
        Right::Portal(&["timeout"]),
        "do = [{ goto = '/drip' }]\nexpect = [{ title = '完' }]",
        DEADLINE,
    ),
    page("20,000 console lines", 2, Right::Pass, NOISE, 3 * AMPLE),
    page("20,000 console lines, short of time", 4, Right::OursOrPass, NOISE, DEADLINE),
    page(
        "redirect loop",
        6,
        Right::Portal(&["broken", "unreachable"]),
        "do = [{ goto = '/round/0' }]\nexpect = [{ text = '药' }]",
        DEADLINE,
    ),
    blow("SIGKILL of the page's renderer", 3, Whom::Pages, Signal::KILL),
    blow("SIGKILL of every renderer", 2, Whom::Renderers, Signal::KILL),
    blow("SIGKILL of the browser", 4, Whom::Browser, Signal::KILL),
    Kind {
        name: "SIGKILL of the browser, time for another attempt",
        share: 2,
        right: Right::Second,
        step: VICTIM,
        within: AMPLE,
        strike: Some(Strike { whom: Whom::Browser, signal: Signal::KILL, after: 100 }),
    },
    blow("SIGKILL of chromedriver", 4, Whom::Driver, Signal::KILL),
    blow("SIGSTOP of the browser", 2, Whom::Browser, Signal::STOP),
    blow("SIGSTOP of chromedriver", 2, Whom::Driver, Signal::STOP),
];

/// The kinds of so many runs in an order that belongs to the seed; every kind is among them.
pub fn order(runs: usize, seed: u64) -> Vec<&'static Kind> {
    let mut order: Vec<&Kind> = Vec::new();
    for block in 0.. {
        let mut hundred: Vec<&Kind> =
            KINDS.iter().flat_map(|kind| std::iter::repeat_n(kind, kind.share)).collect();
        // xorshift: the same on every machine, and a hundred runs always hold every kind.
        let mut state = (seed ^ (block + 1u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)).max(1);
        for at in (1..hundred.len()).rev() {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            hundred.swap(at, usize::try_from(state % (at as u64 + 1)).unwrap_or(0));
        }
        order.extend(hundred);
        if order.len() >= runs {
            break;
        }
    }
    order.truncate(runs);
    order
}
