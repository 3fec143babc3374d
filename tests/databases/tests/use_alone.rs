//! Programs that were written for r2d2 and a database's crate: the same text twice, and only the `use` differs.

mod diesel_on_r2d2 {
    use diesel::connection::SimpleConnection;
    use diesel::prelude::*;
    use diesel::r2d2::{ConnectionManager, Pool, PoolError, PooledConnection};

    include!("../programs/diesel.rs");

    #[test]
    fn runs() {
        assert_eq!(run().unwrap(), super::DIESEL);
    }
}

mod diesel_on_ours {
    use diesel::connection::SimpleConnection;
    use diesel::prelude::*;
    use slackwater::r2d2::compat::diesel::{ConnectionManager, Pool, PoolError, PooledConnection};

    include!("../programs/diesel.rs");

    #[test]
    fn runs() {
        assert_eq!(run().unwrap(), super::DIESEL);
    }
}

mod diesels_own_manager_on_ours {
    use diesel::connection::SimpleConnection;
    use diesel::prelude::*;
    use diesel::r2d2::ConnectionManager;
    use slackwater::r2d2::compat::{Error as PoolError, Pool, PooledConnection};

    include!("../programs/diesel.rs");

    #[test]
    fn runs() {
        assert_eq!(run().unwrap(), super::DIESEL);
    }
}

mod rusqlite_on_r2d2 {
    use r2d2::{CustomizeConnection, LoggingErrorHandler, Pool, PooledConnection, State};
    use r2d2_sqlite::SqliteConnectionManager;

    include!("../programs/rusqlite.rs");

    #[test]
    fn runs() {
        assert_eq!(run().unwrap(), super::RUSQLITE);
    }
}

mod rusqlite_on_ours {
    use r2d2_sqlite::SqliteConnectionManager;
    use slackwater::r2d2::compat::{CustomizeConnection, LoggingErrorHandler, Pool, PooledConnection, State};

    include!("../programs/rusqlite.rs");

    #[test]
    fn runs() {
        assert_eq!(run().unwrap(), super::RUSQLITE);
    }
}

const DIESEL: [&str; 5] = ["Ada Lovelace", "Guest 0", "Guest 1", "Guest 2", "Guest 3"];
const RUSQLITE: [&str; 4] = ["Guest 0", "Guest 1", "Guest 2", "Guest 3"];
