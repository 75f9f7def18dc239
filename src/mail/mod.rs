//! Mail: notices rendered and sent by SMTP.
