//! A plain text table: the first column to the left, all others to the right.

/// Rows of cells under a row of headings that carry their units.
pub struct Table {
    title: String,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table.
    pub fn new(title: impl Into<String>, headings: &[&str]) -> Self {
        Self { title: title.into(), rows: vec![headings.iter().map(|&heading| heading.to_owned()).collect()] }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Prints the table, with an empty line before it; nothing at all if it has no rows.
    pub fn print(&self) {
        if self.rows.len() < 2 {
            return;
        }
        let width =
            |column: usize| self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
        let widths: Vec<usize> = (0..self.rows[0].len()).map(|column| width(column).unwrap_or(0)).collect();
        println!("\n{}", self.title);
        for (index, row) in self.rows.iter().enumerate() {
            println!("{}", line(row, &widths));
            if index == 0 {
                println!("{}", "-".repeat(widths.iter().sum::<usize>() + 2 * (widths.len() - 1)));
            }
        }
    }
}

fn line(row: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (column, (cell, &width)) in row.iter().zip(widths).enumerate() {
        line += &if column == 0 { format!("{cell:<width$}") } else { format!("  {cell:>width$}") };
    }
    line.trim_end().to_owned()
}
