//! Faults that can be switched while the portal runs, so that one sees an outage come and go.

use super::city::City;

/// Declares the faults with their names and what they do in one place.
macro_rules! faults {
    ($($(#[$doc:meta])* $variant:ident $name:literal $zh:literal $en:literal;)*) => {
        /// A way in which the portal can be broken.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Fault {
            $($(#[$doc])* $variant,)*
        }

        impl Fault {
            /// Every fault.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name used on the command line and in the control API.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What a citizen meets, in Chinese.
            pub fn effect(self) -> &'static str {
                match self { $(Self::$variant => $zh,)* }
            }

            /// What a citizen meets, in the language of the command line.
            pub fn effect_in_english(self) -> &'static str {
                match self { $(Self::$variant => $en,)* }
            }
        }
    };
}

faults! {
    /// Every page answers 502, as a proxy without its server does.
    HomeDown "home-down" "所有页面返回 502" "every page answers 502";
    /// Every connection is reset before an answer.
    Unreachable "unreachable" "连接被重置，没有任何应答" "the connection is reset without an answer";
    /// Every page takes 20 seconds ([`super::PortalState::set_slow_by`] changes that).
    Slow "slow" "每个页面要等 20 秒" "every page takes 20 seconds";
    /// The form's third page is gone; in the cities without a form, the item's guide.
    StepBroken "step-broken" "申报表第三页（或办事指南）打不开"
        "the form's third page is gone (in cities without a form: the guide)";
    /// Links to the drug-business licence lead to a page that was removed.
    DeadLink "dead-link" "药品经营许可的链接失效" "the links to the drug licence are dead";
    /// A slider has to be dragged before any page but the home page.
    Captcha "captcha" "首页之外的页面要拖动滑块" "a slider stands before every page but the home page";
    /// Every page says that the system is under maintenance, with status 200 as real ones do.
    Maintenance "maintenance" "所有页面显示系统维护公告" "every page says that the system is under maintenance";
    /// Searching, guides and forms answer 500.
    ServerError "server-error" "搜索、指南和申报返回 500" "searching, guides and forms answer 500";
    /// Applying asks for a login first.
    LoginWall "login-wall" "在线办理前要求登录" "applying asks for a login first";
    /// The search box hides behind a button and the form's buttons have other names: the portal
    /// works, and scripts written for it no longer fit.
    Redesign "redesign" "页面改版：搜索框和按钮换了样子" "the search box and the buttons look different";
}

impl Fault {
    /// Finds a fault by its [`name`](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|fault| fault.name() == name)
    }

    /// Its bit in a [`FaultSet`].
    fn bit(self) -> u16 {
        1 << (self as u16)
    }
}

/// Which faults are on, for each city.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct FaultSet([u16; City::ALL.len()]);

impl FaultSet {
    /// Switches a fault.
    pub(super) fn set(&mut self, city: City, fault: Fault, on: bool) {
        let bits = &mut self.0[city as usize];
        *bits = if on { *bits | fault.bit() } else { *bits & !fault.bit() };
    }

    /// Whether a fault is on.
    pub(super) fn has(self, city: City, fault: Fault) -> bool {
        self.0[city as usize] & fault.bit() != 0
    }

    /// The faults of a city that are on.
    pub(super) fn of(self, city: City) -> Vec<Fault> {
        Fault::ALL.iter().copied().filter(|fault| self.has(city, *fault)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_switch_one_by_one_and_per_city() {
        let mut set = FaultSet::default();
        set.set(City::Linhai, Fault::Slow, true);
        set.set(City::Linhai, Fault::Captcha, true);
        set.set(City::Linhai, Fault::Slow, false);
        assert_eq!(set.of(City::Linhai), [Fault::Captcha]);
        assert!(set.of(City::Shifan).is_empty());
        for fault in Fault::ALL {
            assert_eq!(Fault::from_name(fault.name()), Some(*fault));
        }
    }
}
