-- A page of $3 mails in the state $4, newest first, after the one made at $1 with the id $2.
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
where state = $4 and (created_at, mail_id) < ($1, $2)
order by created_at desc, mail_id desc
limit $3
