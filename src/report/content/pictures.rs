//! Which charts a report has, and what their titles say.

use super::super::chart::{
    Bar, Caption, Dot, Leaf, Pair, Slice, Span, bars as draw_bars, dots as draw_dots, dumbbells,
    grades as draw_grades, regions as draw_regions, tree,
};
use super::super::document::Chart;
use super::super::formula::plain;
use super::super::table::number;
use super::super::view::{View, clean, clean_name};
use super::super::words;
use super::scores::grade_note;
use crate::score::analysis::{Change, Clusters};

/// So many targets fit into one chart on a page.
const ROWS: usize = 58;

/// First-level indicators and the total: means.
pub fn bars(view: &View<'_>) -> Option<Chart> {
    let analysis = &view.dossier.analysis;
    let mut rows: Vec<Bar> = view
        .firsts()
        .iter()
        .map(|node| {
            let mean = analysis.means.get(&node.id);
            Bar {
                label: view.label(&node.id),
                value: mean.map(|mean| mean.mean),
                note: mean.map(|mean| format!("n={}", mean.n)).unwrap_or_default(),
                total: false,
            }
        })
        .collect();
    if rows.iter().all(|row| row.value.is_none()) {
        return None;
    }
    // Nobody may be ranked, and what was observed is still worth a look.
    let title = if analysis.mean.is_some() {
        let n = view.ranked().len();
        let label = view.pick("总分", "Total").to_owned();
        rows.push(Bar { label, value: analysis.mean, note: format!("n={n}"), total: true });
        if view.is_chinese() {
            format!("一级指标与总分的平均得分（满分 100 分；总分 n={n}，各指标的 n 见条形右侧）")
        } else {
            format!(
                "Mean points of the first-level indicators and of the total, of 100 (n={n} for the total; that of each indicator stands beside its bar)"
            )
        }
    } else {
        let n = view.with_total();
        if view.is_chinese() {
            format!("一级指标的平均得分（满分 100 分；有总分的评估对象 n={n}，各指标的 n 见条形右侧）")
        } else {
            format!(
                "Mean points of the first-level indicators, of 100 (n={n} portals with a total; that of each indicator stands beside its bar)"
            )
        }
    };
    let told: Vec<String> = rows
        .iter()
        .filter_map(|row| row.value.map(|value| format!("{} {}", row.label, number(value, 2))))
        .collect();
    let caption = Caption { title, desc: told.join(view.pick("；", "; ")) };
    Some(draw_bars("first-level", caption, &rows, view.pick("未观测到", "not observed")))
}

/// Regions.
pub fn regions(view: &View<'_>) -> Option<Chart> {
    let regions = &view.dossier.analysis.regions;
    let (first, last) = (regions.first()?, regions.last()?);
    let total = |id| view.card(id).and_then(|card| card.total);
    let rows: Vec<Span> = regions
        .iter()
        .map(|region| Span {
            label: format!("{} (n={})", clean_name(&region.name), region.n),
            mean: region.mean,
            worst: total(&region.worst).unwrap_or(region.mean),
            best: total(&region.best).unwrap_or(region.mean),
        })
        .collect();
    let n: u64 = regions.iter().map(|region| region.n).sum();
    let gap = number(first.mean - last.mean, 2);
    let (title, gap) = if view.is_chinese() {
        (
            format!("各区域平均总分，及区域内最高分与最低分（{} 个区域，n={n}）", regions.len()),
            format!("首末区域相差 {gap} 分"),
        )
    } else {
        (
            format!(
                "Mean total of each region, with its best and last portal ({} regions, n={n})",
                regions.len()
            ),
            format!("{gap} points between the first and the last region"),
        )
    };
    let told: Vec<String> = regions
        .iter()
        .map(|region| format!("{} {}", clean_name(&region.name), number(region.mean, 2)))
        .collect();
    let caption = Caption { title, desc: told.join(view.pick("；", "; ")) };
    Some(draw_regions("regions-chart", caption, &rows, &gap))
}

/// The totals of a grade, from its least to that of the next better one.
pub(super) fn between(view: &View<'_>, from: f64, above: Option<f64>) -> String {
    let least = plain(from);
    match (above.map(plain), view.is_chinese()) {
        (None, true) => format!("{least} 分及以上"),
        (None, false) => format!("{least} and above"),
        (Some(above), true) if from <= 0.0 => format!("低于 {above} 分"),
        (Some(above), false) if from <= 0.0 => format!("below {above}"),
        (Some(above), true) => format!("{least}～{above} 分"),
        (Some(above), false) => format!("{least} to below {above}"),
    }
}

/// How many have which grade.
pub fn grades(view: &View<'_>) -> Option<Chart> {
    let grades = &view.dossier.analysis.grades;
    let n: u64 = grades.iter().map(|grade| grade.count).sum();
    if n == 0 {
        return None;
    }
    let mut above: Option<f64> = None;
    let mut slices = Vec::new();
    for grade in grades {
        let title = clean(grade.title.pick(view.language));
        let bounds = between(view, grade.from, above);
        above = Some(grade.from);
        let label = format!("{title} {bounds}");
        slices.push(Slice { label, count: grade.count, note: grade_note(grade.count, grade.share) });
    }
    let title = if view.is_chinese() {
        format!("各等级的评估对象数量与占比（n={n}）")
    } else {
        format!("How many portals have which grade (n={n})")
    };
    let told: Vec<String> = slices.iter().map(|slice| format!("{}: {}", slice.label, slice.note)).collect();
    let caption = Caption { title, desc: told.join(view.pick("；", "; ")) };
    Some(draw_grades("grades-chart", caption, &slices))
}

/// Every target with its interval; as many charts as pages are needed.
pub fn dots(view: &View<'_>) -> Vec<Chart> {
    let mut rows: Vec<Dot> = Vec::new();
    for card in view.ranked().into_iter().chain(view.unranked()) {
        let Some(total) = card.total else { continue };
        let name = view.target(&card.target.id);
        rows.push(Dot {
            label: card.rank.map_or_else(|| name.clone(), |rank| format!("{rank}. {name}")),
            total,
            interval: card.interval.map(|interval| (interval.low, interval.high)),
            ranked: card.rank.is_some(),
        });
    }
    let n = rows.len();
    let parts = n.div_ceil(ROWS);
    // Even parts, so that the last is no chart of two rows.
    let size = n.div_ceil(parts.max(1)).max(1);
    // Runs of a single day have no interval.
    let between = rows.iter().any(|row| row.interval.is_some());
    let legend = [
        if between {
            view.pick("总分及 95% 置信区间", "total with its 95% interval")
        } else {
            view.pick("总分", "total")
        },
        view.pick("未参加排名", "without a rank"),
    ];
    rows.chunks(size)
        .enumerate()
        .map(|(i, rows)| {
            let part = if parts > 1 { format!(" {}/{parts}", i + 1) } else { String::new() };
            let title = match (view.is_chinese(), between) {
                (true, true) => format!("各评估对象总分及 95% 置信区间（n={n}）{part}"),
                (true, false) => format!("各评估对象总分（n={n}）{part}"),
                (false, true) => format!("Total of every portal with its 95% interval (n={n}){part}"),
                (false, false) => format!("Total of every portal (n={n}){part}"),
            };
            let ends = [rows.first(), rows.last()].map(|row| {
                row.map(|row| format!("{} {}", row.label, number(row.total, 2))).unwrap_or_default()
            });
            let caption = Caption { title, desc: ends.join(view.pick(" 至 ", " to ")) };
            draw_dots(&format!("dots-{}", i + 1), caption, rows, legend)
        })
        .collect()
}

/// First-level indicators then and now.
pub fn change(view: &View<'_>, change: &Change) -> Option<Chart> {
    let firsts: Vec<&str> = view.firsts().iter().map(|node| node.id.as_str()).collect();
    let mut nodes: Vec<_> = change.nodes.iter().filter(|node| firsts.contains(&node.id.as_str())).collect();
    if nodes.is_empty() {
        nodes = change.nodes.iter().collect();
    }
    nodes.truncate(20);
    let least = nodes.iter().map(|node| node.n).min()?;
    let most = nodes.iter().map(|node| node.n).max()?;
    let n = if least == most { most.to_string() } else { format!("{least}–{most}") };
    let rows: Vec<Pair> = nodes
        .iter()
        .map(|node| Pair { label: view.label(&node.id), before: node.before, after: node.after })
        .collect();
    let title = if view.is_chinese() {
        format!("可比指标平均得分的变化（两期均有得分的评估对象，n={n}）")
    } else {
        format!("Change of the comparable indicators' means (portals with points in both periods, n={n})")
    };
    Some(pairs(view, "change-chart", title, &rows, change))
}

/// The targets that moved most.
pub fn movers(view: &View<'_>, change: &Change) -> Option<Chart> {
    let movers = &change.movers;
    let n = movers.len();
    if n < 2 {
        return None;
    }
    let half = (n / 2).min(8);
    let chosen = movers[..half].iter().chain(&movers[n - half..]);
    let rows: Vec<Pair> = chosen
        .map(|mover| Pair { label: view.target(&mover.target), before: mover.before, after: mover.after })
        .collect();
    let title = if view.is_chinese() {
        format!("可比指标得分上升与下降最多的评估对象（各 {half} 个，n={n}）")
    } else {
        format!("The portals that rose and fell most over comparable indicators ({half} each, of n={n})")
    };
    Some(pairs(view, "movers-chart", title, &rows, change))
}

fn pairs(view: &View<'_>, key: &str, title: String, rows: &[Pair], change: &Change) -> Chart {
    let then = words::days(change.against.0, change.against.1, view.language);
    let now = words::period(&view.dossier.assessment.period, view.language);
    let told: Vec<String> = rows
        .iter()
        .map(|row| format!("{} {} → {}", row.label, number(row.before, 2), number(row.after, 2)))
        .collect();
    let caption = Caption { title, desc: told.join(view.pick("；", "; ")) };
    dumbbells(key, caption, rows, [&then, &now])
}

/// The tree of a clustering.
pub fn dendrogram(view: &View<'_>, clusters: &Clusters) -> Option<Chart> {
    let items: Vec<Leaf> = clusters
        .items
        .iter()
        .zip(&clusters.labels)
        .map(|(id, cluster)| Leaf { label: view.target(id), cluster: *cluster })
        .collect();
    let (n, k) = (items.len(), clusters.means.len());
    let (title, cut) = if view.is_chinese() {
        (format!("按观测数值的聚类树状图（Ward 法，n={n}，分为 {k} 类）"), format!("在此分为 {k} 类"))
    } else {
        (
            format!("Dendrogram of the observed numbers (Ward's method, n={n}, {k} clusters)"),
            format!("cut into {k} clusters"),
        )
    };
    let desc = view.pick(
        "名称后的数字为所属类别；连接处越靠右，差异越大。",
        "The number behind a name is its cluster; the further right two are joined, the less alike they are.",
    );
    tree("dendrogram", Caption { title, desc: desc.to_owned() }, &items, &clusters.merges, &cut)
}
