//! A pond of fish: the schema these tests share.

use std::time::Duration;

use shoal_sql::{Database, Migration};
use shoal_types::{Context, Env};

pub(crate) const MIGRATIONS: &[Migration] = &[Migration::new(
    "0001_fish.sql",
    "create table fish (
       id bigint not null,
       name text not null,
       weight_g bigint not null,
       primary key (id),
       constraint fish_weight_not_negative check (weight_g >= 0)
     );
     create unique index fish_name_unique on fish (name);",
)];

shoal_sql::statements! {
    pub(crate) mod sql {
        ADD = "insert into fish (id, name, weight_g) values ($1, $2, $3)";
        ADD_MANY = "insert into fish (id, name, weight_g) values {rows:3}";
        FEED = "update fish set weight_g = weight_g + $2 where id = $1";
        FEED_MANY = "update fish set weight_g = weight_g + d.column2 + $1
            from (values {rows:2}) as d where id = d.column1";
        SLIM = "update fish set weight_g = weight_g - $2 where id = $1 and weight_g >= $2";
        FIND = "select name, weight_g from fish where id = $1";
        FIND_MANY = "select id from fish where weight_g >= $1 and id in {in} order by id";
        COUNT = "select count(*) from fish";
    }
}

pub(crate) fn context() -> Context {
    Context::system(&Env::system(), Duration::from_secs(60))
}

pub(crate) async fn pond() -> Database {
    Database::temporary("pond", MIGRATIONS, &Env::system()).await.expect("opens")
}
