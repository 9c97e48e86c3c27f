-- Has the mail $1 sent at once, at the time $2; $3 is 1 if that is once more.
update mails
set
  state = 'pending',
  tries = 0,
  resent = resent + $3,
  due_at = $2,
  code = null,
  updated_at = $2
where mail_id = $1
