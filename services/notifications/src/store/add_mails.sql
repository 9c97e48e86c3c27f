-- Adds mails; those that are there stay as they are.
insert into mails (
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
)
values {rows:12}
on conflict (mail_id) do nothing
