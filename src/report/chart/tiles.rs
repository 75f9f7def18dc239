//! A tile for each province, about where it lies on the map: no borders, so none to quarrel about, and
//! every province is as large as any other.

use super::canvas::Hold;
use super::{Canvas, Caption, Chart, INK, MUTED, TONES, WIDTH};

/// Column, row, the short name on the tile, and by what the place is known: Chinese names without what
/// they end in, and English.
const PROVINCES: [(u8, u8, &str, &str, &str); 34] = [
    (7, 0, "黑", "黑龙江", "Heilongjiang"),
    (5, 1, "蒙", "内蒙古", "Inner Mongolia"),
    (7, 1, "吉", "吉林", "Jilin"),
    (0, 2, "新", "新疆", "Xinjiang"),
    (2, 2, "甘", "甘肃", "Gansu"),
    (3, 2, "宁", "宁夏", "Ningxia"),
    (4, 2, "晋", "山西", "Shanxi"),
    (5, 2, "冀", "河北", "Hebei"),
    (6, 2, "京", "北京", "Beijing"),
    (7, 2, "辽", "辽宁", "Liaoning"),
    (1, 3, "青", "青海", "Qinghai"),
    (3, 3, "陕", "陕西", "Shaanxi"),
    (4, 3, "豫", "河南", "Henan"),
    (5, 3, "鲁", "山东", "Shandong"),
    (6, 3, "津", "天津", "Tianjin"),
    (0, 4, "藏", "西藏", "Tibet"),
    (2, 4, "川", "四川", "Sichuan"),
    (3, 4, "渝", "重庆", "Chongqing"),
    (4, 4, "鄂", "湖北", "Hubei"),
    (5, 4, "皖", "安徽", "Anhui"),
    (6, 4, "苏", "江苏", "Jiangsu"),
    (7, 4, "沪", "上海", "Shanghai"),
    (2, 5, "滇", "云南", "Yunnan"),
    (3, 5, "黔", "贵州", "Guizhou"),
    (4, 5, "湘", "湖南", "Hunan"),
    (5, 5, "赣", "江西", "Jiangxi"),
    (6, 5, "浙", "浙江", "Zhejiang"),
    (3, 6, "桂", "广西", "Guangxi"),
    (4, 6, "粤", "广东", "Guangdong"),
    (5, 6, "闽", "福建", "Fujian"),
    (7, 6, "台", "台湾", "Taiwan"),
    (3, 7, "琼", "海南", "Hainan"),
    (4, 7, "澳", "澳门", "Macao"),
    (5, 7, "港", "香港", "Hong Kong"),
];

/// A province's place in the grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::report) struct Place(usize);

/// The place of a province, by its name in either language; nothing for any other name.
pub(in crate::report) fn place(name: &str) -> Option<Place> {
    let name = name.trim();
    let fits = |(_, _, _, chinese, english): &(u8, u8, &str, &str, &str)| {
        // 省, 市, 壮族自治区, 特别行政区 …
        name.strip_prefix(chinese)
            .is_some_and(|rest| rest.is_empty() || rest == "省" || rest == "市" || rest.ends_with('区'))
            || name.eq_ignore_ascii_case(english)
    };
    PROVINCES.iter().position(fits).map(Place)
}

impl Place {
    /// What the province is called.
    pub fn name(self, chinese: bool) -> &'static str {
        let (.., name, english) = PROVINCES[self.0];
        if chinese { name } else { english }
    }
}

const TILE: f64 = 62.0;
const LEFT: f64 = 20.0;

/// The tones of so many levels, dark first. More levels than there are tones lie between the second and the last
/// of them, so that letters can be read on all; the number on a tile tells neighbours apart.
fn tones(levels: usize) -> Vec<String> {
    if levels <= TONES.len() {
        return TONES[..levels].iter().map(|tone| (*tone).to_owned()).collect();
    }
    let channel = |tone: &str, at: usize| usize::from_str_radix(&tone[at..at + 2], 16).unwrap_or(255);
    let between = |i: usize| {
        let mixed = [1, 3, 5].map(|at| {
            let (dark, light) = (channel(TONES[1], at), channel(TONES[3], at));
            format!("{:02x}", dark + light.saturating_sub(dark) * (i - 1) / (levels - 2))
        });
        format!("#{}", mixed.concat())
    };
    std::iter::once(TONES[0].to_owned()).chain((1..levels).map(between)).collect()
}

/// Draws the grid: a number on each tile that has one. A value has the first tone whose bound it reaches, and the
/// last when it reaches none; `legend` names the tones, dark first, and what an empty tile means.
pub(in crate::report) fn tiles(
    key: &str,
    caption: Caption,
    values: &[(Place, f64)],
    bounds: &[f64],
    chinese: bool,
    legend: &[String],
) -> Chart {
    let height = 8.0 * (TILE + 4.0) + 8.0;
    let mut canvas = Canvas::new(key, height);
    let tones = tones(bounds.len() + 1);
    for (i, (column, row, sign, _, english)) in PROVINCES.iter().enumerate() {
        let (x, y) = (LEFT + f64::from(*column) * (TILE + 4.0), 4.0 + f64::from(*row) * (TILE + 4.0));
        let value = values.iter().find(|(place, _)| place.0 == i).map(|(_, value)| *value);
        let tone = value.map(|value| bounds.iter().position(|bound| value >= *bound).unwrap_or(bounds.len()));
        let fill = tone.map_or("#ffffff", |tone| tones[tone].as_str());
        canvas.rect([x, y, TILE, TILE], fill, if tone.is_some() { INK } else { "#b8c0ca" });
        let ink = if tone.is_some_and(|tone| tone < 1) { "#ffffff" } else { INK };
        let middle = x + TILE / 2.0;
        if chinese {
            canvas.letters(middle, y + 28.0, Hold::Middle, ink, 16.0, sign);
        } else {
            canvas.letters(
                middle,
                y + 26.0,
                Hold::Middle,
                ink,
                if english.len() > 9 { 8.0 } else { 9.5 },
                english,
            );
        }
        let number = value.map_or_else(|| "—".to_owned(), |value| format!("{value:.1}"));
        let ink = if tone.is_some() { ink } else { MUTED };
        canvas.letters(middle, y + 46.0, Hold::Middle, ink, 12.0, &number);
    }
    let x = LEFT + 8.0 * (TILE + 4.0) + 10.0;
    for (i, words) in legend.iter().enumerate() {
        let y = 20.0 + 26.0 * i as f64;
        let fill = tones.get(i).map_or("#ffffff", String::as_str);
        canvas.rect([x, y, 18.0, 18.0], fill, INK);
        canvas.letters(x + 24.0, y + 13.0, Hold::Start, MUTED, 10.5, words);
    }
    debug_assert!(x < WIDTH);
    canvas.finish(caption)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_province_has_a_tile_of_its_own() {
        let places: BTreeSet<(u8, u8)> = PROVINCES.iter().map(|(column, row, ..)| (*column, *row)).collect();
        assert_eq!(places.len(), 34);
    }

    #[test]
    fn there_are_as_many_tones_as_levels_and_each_is_lighter_than_the_one_before() {
        for levels in 1..12 {
            let tones = tones(levels);
            assert_eq!(tones.len(), levels);
            assert!(tones.windows(2).all(|pair| pair[0] < pair[1]), "{tones:?}");
        }
        assert_eq!(tones(4), TONES);
        assert_eq!((tones(7)[1].as_str(), tones(7)[6].as_str()), (TONES[1], TONES[3]));
    }

    #[test]
    fn provinces_are_known_by_their_names() {
        let cases = [
            ("四川", Some("川")),
            ("四川省", Some("川")),
            ("北京市", Some("京")),
            ("广西壮族自治区", Some("桂")),
            ("香港特别行政区", Some("港")),
            ("sichuan", Some("川")),
            ("山西", Some("晋")),
            ("陕西", Some("陕")),
            ("示范市", None),
            ("北京路", None),
            ("", None),
        ];
        for (name, want) in cases {
            assert_eq!(place(name).map(|place| PROVINCES[place.0].2), want, "{name}");
        }
    }
}
