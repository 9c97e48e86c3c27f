-- At most $2 mails to be sent at the time $1, the longest waiting first.
select
  mail_id,
  kind,
  about,
  detail,
  state,
  tries,
  resent,
  due_at,
  expires_at,
  code,
  created_at,
  updated_at
from mails
where state = 'pending' and due_at <= $1
order by due_at
limit $2
