// A program as written for r2d2 and diesel: the types are r2d2's and diesel's names, whatever they stand for. Compiled with each.

diesel::table! {
    users {
        id -> Integer,
        name -> Text,
    }
}

#[derive(diesel::Queryable, diesel::Identifiable, diesel::AsChangeset, Debug, PartialEq)]
struct User {
    id: i32,
    name: String,
}

type Users = Pool<ConnectionManager<SqliteConnection>>;

/// Names the error of a pool.
fn first_of(pool: &Users) -> Result<PooledConnection<ConnectionManager<SqliteConnection>>, PoolError> {
    pool.get()
}

/// Takes a guard, as request handlers do.
fn rename(conn: &mut PooledConnection<ConnectionManager<SqliteConnection>>, from: &str, to: &str) -> QueryResult<User> {
    let mut user: User = users::table.filter(users::name.eq(from)).first(conn)?;
    user.name = to.to_owned();
    user.save_changes(conn)
}

/// Takes whatever diesel calls a connection.
fn names(
    conn: &mut impl diesel::connection::LoadConnection<Backend = diesel::sqlite::Sqlite>,
) -> QueryResult<Vec<String>> {
    users::table.select(users::name).order(users::id).load(conn)
}

fn run() -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let pool: Users = Pool::builder().max_size(1).test_on_check_out(true).build(ConnectionManager::new(":memory:"))?;
    let mut conn = first_of(&pool)?;
    conn.batch_execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL)")?;
    diesel::insert_into(users::table).values(users::name.eq("Ada")).execute(&mut conn)?;
    drop(conn);
    let threads: Vec<_> = (0..4)
        .map(|number| {
            let pool = pool.clone();
            std::thread::spawn(move || {
                let conn = &mut pool.get().unwrap();
                diesel::insert_into(users::table)
                    .values(users::name.eq(format!("Guest {number}")))
                    .execute(conn)
                    .unwrap();
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let mut conn = pool.get()?;
    rename(&mut conn, "Ada", "Ada Lovelace")?;
    // Nested, and rolled back within.
    conn.transaction(|conn| {
        diesel::update(users::table).set(users::name.eq("Everybody")).execute(conn)?;
        let within: QueryResult<()> = conn.transaction(|conn| {
            diesel::delete(users::table).execute(conn)?;
            Err(diesel::result::Error::RollbackTransaction)
        });
        assert!(within.is_err());
        Err::<(), _>(diesel::result::Error::RollbackTransaction)
    })
    .unwrap_err();
    let first: i64 = users::table.count().get_result(&mut conn)?;
    assert_eq!(first, 5);
    let mut names = names(&mut conn)?;
    names.sort();
    Ok(names)
}
