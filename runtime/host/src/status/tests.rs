mod document;
mod folders;
mod readers;
