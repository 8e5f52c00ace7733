//! What a process has spent, from /proc (proc(5), fields 14 and 15 of stat).

use std::error::Error;
use std::fs;

/// Seconds of CPU, user and system, of all threads so far.
pub fn cpu_seconds(pid: u32) -> Result<f64, Box<dyn Error>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))
        .map_err(|error| format!("process {pid}: {error}"))?;
    let ticks_a_second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) } as f64;
    Ok(ticks(&stat).ok_or("unreadable /proc stat")? / ticks_a_second)
}

/// KiB of memory that the process holds.
pub fn resident_kib(pid: u32) -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))
        .map_err(|error| format!("process {pid}: {error}"))?;
    Ok(field_kib(&status, "VmRSS:").ok_or("unreadable /proc status")?)
}

fn field_kib(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// The command name may hold spaces and brackets, so fields are counted from the last bracket.
fn ticks(stat: &str) -> Option<f64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::{field_kib, ticks};

    #[test]
    fn the_memory_of_a_process_is_found_among_its_fields() {
        let status = "Name:\tx\nVmRSS:\t   5120 kB\nRssAnon:\t 1 kB\n";
        assert_eq!(field_kib(status, "VmRSS:"), Some(5120));
    }

    #[test]
    fn the_ticks_of_a_process_with_brackets_in_its_name_are_found() {
        assert_eq!(
            ticks("7 (a) b) S 1 2 3 4 5 6 7 8 9 10 30 12 0 0"),
            Some(42.0)
        );
    }
}
