pub fn print(_s: &str, _g: &str) -> Result<(), String> {
    Ok(())
}
