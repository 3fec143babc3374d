// A program as written for r2d2 and rusqlite: the types are r2d2's names, whatever they stand for. Compiled twice.

#[derive(Debug)]
struct ForeignKeys;

impl CustomizeConnection<rusqlite::Connection, rusqlite::Error> for ForeignKeys {
    fn on_acquire(&self, conn: &mut rusqlite::Connection) -> Result<(), rusqlite::Error> {
        conn.execute_batch("PRAGMA foreign_keys = ON")
    }
}

fn add(conn: &PooledConnection<SqliteConnectionManager>, name: &str) -> rusqlite::Result<usize> {
    conn.execute("INSERT INTO users (name) VALUES (?1)", [name])
}

fn run() -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let pool: Pool<SqliteConnectionManager> = Pool::builder()
        .max_size(1)
        .min_idle(Some(1))
        .connection_timeout(std::time::Duration::from_secs(10))
        .connection_customizer(Box::new(ForeignKeys))
        .error_handler(Box::new(LoggingErrorHandler))
        .build(SqliteConnectionManager::memory())?;
    pool.get()?.execute_batch("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL)")?;
    let threads: Vec<_> = (0..4)
        .map(|number| {
            let pool = pool.clone();
            std::thread::spawn(move || add(&pool.get().unwrap(), &format!("Guest {number}")).unwrap())
        })
        .collect();
    threads.into_iter().for_each(|thread| assert_eq!(thread.join().unwrap(), 1));
    let mut conn = pool.get()?;
    let transaction = conn.transaction()?;
    transaction.execute("DELETE FROM users", [])?;
    drop(transaction);
    let mut asked = conn.prepare("SELECT name FROM users ORDER BY name")?;
    let names = asked.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    drop(asked);
    drop(conn);
    let State { connections, idle_connections, .. } = pool.state();
    assert_eq!((connections, idle_connections), (1, 1));
    Ok(names)
}
