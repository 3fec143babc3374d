use slackwater::*;
use std::time::Duration;
#[test]
fn hammer() {
    for fairness in [Fairness::default(), Fairness::Fifo, Fairness::Barging] {
        for strategy in [Strategy::Affine, Strategy::Lifo, Strategy::Fifo] {
            let pool = Pool::builder(|| Ok::<_, String>(Box::new(0u64)))
                .max_size(2)
                .min_idle(2)
                .fairness(fairness)
                .strategy(strategy)
                .build()
                .unwrap();
            std::thread::scope(|s| {
                for _ in 0..8 {
                    s.spawn(|| {
                        for _ in 0..20000 {
                            **pool.checkout().unwrap() += 1;
                        }
                    });
                }
            });
            assert_eq!(pool.stats().checkouts, 160000);
            assert!(pool.audit().is_clean(), "{}", pool.audit());
            let r = pool.close(Duration::from_secs(5));
            assert!(r.is_complete(), "{r}");
            assert_eq!(pool.stats().destroyed.total(), pool.stats().created);
        }
    }
}
