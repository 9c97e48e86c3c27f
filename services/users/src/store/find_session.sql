-- The session $2 of the user $1, and the user's role now.
select
  sessions.token_hash,
  sessions.created_at,
  sessions.expires_at,
  users.role
from sessions
join users on users.id = sessions.user_id
where sessions.user_id = $1 and sessions.id = $2
