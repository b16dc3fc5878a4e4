"""What wstore promises about its files, tested by force: crashes, full disks, damaged files, power cuts."""
