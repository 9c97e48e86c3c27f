//! The queries, on a transaction. No rules.

pub(crate) mod addresses;
pub(crate) mod claims;
pub(crate) mod resets;
pub(crate) mod sessions;
pub(crate) mod users;

shoal_sql::statements! {
    pub mod sql {
        FIND_USER = include_str!("store/find_user.sql");
        FIND_CREDENTIALS = include_str!("store/find_credentials.sql");
        FIND_USERS = include_str!("store/find_users.sql");
        LIST_USERS = include_str!("store/list_users.sql");
        LIST_USERS_OF_ROLE = include_str!("store/list_users_of_role.sql");
        USER_WAS = "select 1 from users where id = $1";
        EMAIL_OF_USER = "select email from users where id = $1";
        BURY_USER = include_str!("store/bury_user.sql");
        CLAIM_EMAILS = "insert into emails (email, user_id, claimed_at) values {rows:3}
            on conflict (email) do nothing";
        FIND_CLAIMS = "select email, user_id, claimed_at from emails where email in {in}";
        MOVE_CLAIM = "update emails set user_id = $3, claimed_at = $4 where email = $1 and user_id = $2";
        FREE_EMAIL = "delete from emails where email = $1 and user_id = $2";
        ADD_USERS = include_str!("store/add_users.sql");
        UPDATE_PROFILES = include_str!("store/update_profiles.sql");
        SET_PASSWORD = "update users set password_hash = $3, version = version + 1, updated_at = $4
            where id = $1 and version = $2";
        SET_ROLE = "update users set role = $3, version = version + 1, updated_at = $4
            where id = $1 and version = $2";
        ERASE_USER = include_str!("store/erase_user.sql");
        ADD_HOLDERS = "update role_holders set holders = holders + $2 where role = $1";
        REMOVE_HOLDER = "update role_holders set holders = holders - 1 where role = $1 and holders > 1";
        FIND_SESSION = include_str!("store/find_session.sql");
        LIST_SESSIONS = "select id, created_at, rotated_at, expires_at
            from sessions where user_id = $1 order by created_at, id";
        ADD_SESSION = "insert into sessions (user_id, id, token_hash, created_at, rotated_at, expires_at)
            values ($1, $2, $3, $4, $4, $5)";
        ROTATE_SESSION = "update sessions set token_hash = $4, rotated_at = $5
            where user_id = $1 and id = $2 and token_hash = $3";
        END_SESSION = "delete from sessions where user_id = $1 and id = $2";
        END_OTHER_SESSIONS = "delete from sessions where user_id = $1 and id <> $2";
        EXPIRE_SESSIONS = "delete from sessions where (user_id, id) in
            (select user_id, id from sessions where expires_at <= $1 order by expires_at limit $2)";
        COUNT_RESET_REQUESTS = "select count(*) from password_resets
            where user_id = $1 and token_hash is null and expires_at > $2";
        ADD_RESET = "insert into password_resets (user_id, id, token_hash, created_at, expires_at)
            values ($1, $2, $3, $4, $5)";
        FIND_RESET = "select token_hash, expires_at from password_resets
            where user_id = $1 and id = $2 and token_hash is not null";
        LIST_RESETS = "select id from password_resets
            where user_id = $1 and token_hash is not null order by created_at, id";
        REMOVE_RESET = "delete from password_resets where user_id = $1 and id = $2";
        REMOVE_RESETS = "delete from password_resets where user_id = $1";
        EXPIRE_RESETS = "delete from password_resets where (user_id, id) in
            (select user_id, id from password_resets where expires_at <= $1 order by expires_at limit $2)";
        LIST_ADDRESSES = include_str!("store/list_addresses.sql");
        LIST_ADDRESSES_OF_ALL = include_str!("store/list_addresses_of_all.sql");
        ADD_ADDRESSES = include_str!("store/add_addresses.sql");
        REPLACE_ADDRESS = include_str!("store/replace_address.sql");
        UNSET_DEFAULT = "update addresses set is_default = 0 where user_id = $1 and is_default = 1";
        SET_DEFAULT = "update addresses set is_default = 1 where user_id = $1 and id = $2";
        REMOVE_ADDRESS = "delete from addresses where user_id = $1 and id = $2";
        REMOVE_ADDRESSES_OF_ALL = "delete from addresses where user_id in (values {rows:uuid})";
    }
}
