//! The three cities. Each lives under a path of its own on one listener, so that one address is
//! enough to reach them all and no name has to be resolved.

/// A city of the demo portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum City {
    /// 示范市: modern, everything online down to the licence.
    Shifan,
    /// 临海市: a list of items; companies only, refused by `alert()`.
    Linhai,
    /// 北山市: tables, GBK, pop-ups, paper by mail.
    Beishan,
}

impl City {
    /// Every city, the main one first.
    pub const ALL: [Self; 3] = [Self::Shifan, Self::Linhai, Self::Beishan];

    /// The id of the city's target in the bundled `probes.toml`.
    pub fn id(self) -> &'static str {
        match self {
            Self::Shifan => "demo-city",
            Self::Linhai => "linhai-city",
            Self::Beishan => "beishan-city",
        }
    }

    /// The path of its home page, with a slash at the end.
    pub fn home(self) -> &'static str {
        match self {
            Self::Shifan => "/",
            Self::Linhai => "/linhai/",
            Self::Beishan => "/beishan/",
        }
    }

    /// The name of the city.
    pub fn name(self) -> &'static str {
        match self {
            Self::Shifan => "示范市",
            Self::Linhai => "临海市",
            Self::Beishan => "北山市",
        }
    }

    /// The name of its portal.
    pub fn portal(self) -> &'static str {
        match self {
            Self::Shifan => "示范市政务服务网",
            Self::Linhai => "临海市网上办事大厅",
            Self::Beishan => "北山市政务公开网",
        }
    }

    /// The city with this id; the Chinese name and the short form without `-city` do as well.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|city| id == city.id() || id == city.name() || city.id().strip_suffix("-city") == Some(id))
    }

    /// The city to which a path belongs: the longest home page that it starts with.
    pub fn of_path(path: &str) -> Self {
        [Self::Linhai, Self::Beishan]
            .into_iter()
            .find(|city| path.starts_with(city.home()) || format!("{path}/") == city.home())
            .unwrap_or(Self::Shifan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_names_find_their_city() {
        let paths = [
            ("/", City::Shifan),
            ("/item/drug-licence", City::Shifan),
            ("/linhai", City::Linhai),
            ("/linhai/", City::Linhai),
            ("/linhaiwan", City::Shifan),
            ("/beishan/item/1", City::Beishan),
        ];
        for (path, want) in paths {
            assert_eq!(City::of_path(path), want, "{path}");
        }
        let names = [
            ("demo-city", Some(City::Shifan)),
            ("linhai", Some(City::Linhai)),
            ("北山市", Some(City::Beishan)),
            ("nowhere", None),
        ];
        for (name, want) in names {
            assert_eq!(City::from_id(name), want, "{name}");
        }
    }
}
