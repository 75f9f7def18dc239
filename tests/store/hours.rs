//! What is rolled up by the hour says the same as the runs themselves.

use hdrhistogram::Histogram;
use mystery_shopper::store::VerifyOptions;

use super::*;

#[tokio::test]
async fn hours_and_runs_give_the_same_answer() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Access::Daemon).unwrap();
    let verdicts = [Verdict::Pass, Verdict::Pass, Verdict::Degraded, Verdict::Fail, Verdict::Inconclusive];
    for i in 0..120_i64 {
        let seconds = i * 211;
        let mut run = good(&format!("r{i}"), seconds);
        run.verdict = verdicts[usize::try_from(i).unwrap() * 7 % verdicts.len()];
        run.elapsed_ms = u64::try_from(i * i * 37 % 90_001).unwrap();
        if i % 10 == 9 {
            run.cause = Cause::Manual;
        }
        if i % 3 == 0 {
            run.target = "another".into();
        }
        store.record(run, context(seconds)).await.unwrap();
    }
    // Whole hours, with runs before and after them.
    let (since, until) = (at(3600), at(5 * 3600));
    let raw = store
        .runs(RunFilter { since: Some(since), until: Some(until), ..RunFilter::default() })
        .await
        .unwrap();
    for target in ["demo-city", "another"] {
        let told = store.run_times(&"drug-licence".into(), &target.into(), since, until).await.unwrap();
        let counted: Vec<&Run> =
            raw.iter().filter(|run| run.target.as_str() == target && run.cause != Cause::Manual).collect();
        let of = |verdict| counted.iter().filter(|run| run.verdict == verdict).count() as u64;
        let counts = told.verdicts;
        assert!(counts.pass > 5 && counts.fail > 2, "{counts:?}");
        assert_eq!(
            [counts.pass, counts.degraded, counts.fail, counts.inconclusive],
            [Verdict::Pass, Verdict::Degraded, Verdict::Fail, Verdict::Inconclusive].map(of)
        );
        let mut times = Histogram::<u64>::new_with_bounds(1, 3_600_000, 3).unwrap();
        for run in &counted {
            if matches!(run.verdict, Verdict::Pass | Verdict::Degraded) {
                times.saturating_record(run.elapsed_ms.max(1));
            }
        }
        assert_eq!(told.count, times.len());
        let quantiles = [0.5, 0.9, 0.99].map(|q| times.value_at_quantile(q));
        assert_eq!([told.p50_ms, told.p90_ms, told.p99_ms], quantiles);
        assert_eq!(told.max_ms, times.max());
    }
    // The view for people says the same of the whole day.
    let report = store.verify(VerifyOptions::default()).await.unwrap();
    assert!(report.clean, "{:?}", report.findings);
    let database = rusqlite::Connection::open(dir.path().join("shopper.db")).unwrap();
    let (by_view, by_runs): (i64, i64) = database
        .query_row(
            "SELECT (SELECT sum(pass) FROM v_availability_by_day WHERE target = 'demo-city'),
                    (SELECT count(*) FROM v_runs WHERE target = 'demo-city' AND verdict = 'pass' AND cause <> 'manual')",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    assert_eq!(by_view, by_runs);
    let day: String = database
        .query_row("SELECT started_at FROM v_runs ORDER BY started_at LIMIT 1", [], |row| row.get(0))
        .unwrap();
    assert_eq!(day, "2026-11-22T04:00:01.000Z");
}
